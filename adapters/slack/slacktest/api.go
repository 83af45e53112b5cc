package slacktest

// method is one method of the Web API.
type method struct {
	kind   string   // the kind of its token, bot or app
	scopes []string // what the token needs, all of them
	args   []string // what it takes
	json   bool     // takes JSON as well as a form
	do     func(*call) (answer, error)
}

// call is one call of a method. It is handled with the lock held.
type call struct {
	*Slack
	method string
	args   map[string]string // what is no string is its JSON text
}

// answer is what a method answers, without "ok".
type answer map[string]any

// apiError is an error in Slack's word.
type apiError string

func (e apiError) Error() string { return string(e) }

// serveAPI registers the Web API.
func (s *Slack) serveAPI() {}

// provide adds a method.
func (s *Slack) provide(name string, m method) { s.methods[name] = m }
