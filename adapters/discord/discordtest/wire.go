package discordtest

// wire is what brings people's doings to the app. The lock of Discord guards
// it.
type wire struct{}

func (s *Discord) serveWire() {}

func (s *Discord) closeWire() {}
