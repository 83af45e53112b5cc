package slacktest

// wire is what brings people's doings to the app: sockets and signed
// requests.
type wire struct{}

// serveWire registers the routes and methods of the wire.
func (s *Slack) serveWire() {}

// closeWire ends what the wire holds open.
func (s *Slack) closeWire() {}
