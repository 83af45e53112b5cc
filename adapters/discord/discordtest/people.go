package discordtest

// providePeople adds the routes of the application and of people.
func (s *Discord) providePeople() {
	s.provide("GET /users/@me", route{rate: reading(), do: (*call).me})
}

func (c *call) me() (any, error) {
	return map[string]any{
		"id": c.world.App.Bot, "username": c.world.App.Name, "discriminator": "0", "global_name": nil, "avatar": nil,
		"bot": true, "verified": true, "mfa_enabled": false, "flags": 0, "public_flags": 0,
	}, nil
}
