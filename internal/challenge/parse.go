package challenge

import "strings"

// parser collects the challenges of several values.
type parser struct {
	found  []Challenge
	spoilt map[string]bool // parameters that the last challenge names twice
}

// read reads one value, which begins and ends its own challenges. Schemes and
// parameters stand in one list with commas between (RFC 9110, section 11.6.1):
// a word is a parameter if an equals sign follows it, and else a scheme. The
// comma between two parameters may be missing, as with some servers.
func (p *parser) read(value string) {
	s := scanner{value}
	begun, fresh := false, true // there is a challenge; another may begin here
	for s.next(&fresh) {
		name := s.token()
		switch {
		case name != "" && s.equals():
			if text, ok := s.value(); ok && begun {
				p.set(strings.ToLower(name), text)
			}
		case name != "" && fresh && s.ends():
			if len(p.found) == maxFound {
				return
			}
			p.begin(name)
			begun = true
			s.token68()
		default:
			s.skip()
		}
		fresh = false
	}
}

func (p *parser) begin(scheme string) {
	p.found = append(p.found, Challenge{Scheme: scheme, Params: map[string]string{}})
	p.spoilt = map[string]bool{}
}

func (p *parser) set(name, value string) {
	params := p.found[len(p.found)-1].Params
	if _, twice := params[name]; twice || p.spoilt[name] {
		delete(params, name)
		p.spoilt[name] = true
		return
	}
	params[name] = value
}

// scanner walks through one value.
type scanner struct{ rest string }

// next goes to the next word, over spaces and empty elements, and notes
// whether a comma was among them.
func (s *scanner) next(comma *bool) bool {
	before := s.rest
	s.rest = strings.TrimLeft(s.rest, " \t,")
	*comma = *comma || strings.Contains(before[:len(before)-len(s.rest)], ",")
	return s.rest != ""
}

func (s *scanner) spaces() { s.rest = strings.TrimLeft(s.rest, " \t") }

// take takes what is made of such signs.
func (s *scanner) take(is func(byte) bool) string {
	n := 0
	for n < len(s.rest) && is(s.rest[n]) {
		n++
	}
	taken := s.rest[:n]
	s.rest = s.rest[n:]
	return taken
}

func (s *scanner) token() string { return s.take(isTokenSign) }

// equals takes an equals sign, with spaces around it.
func (s *scanner) equals() bool {
	after, is := strings.CutPrefix(strings.TrimLeft(s.rest, " \t"), "=")
	if is {
		s.rest = after
		s.spaces()
	}
	return is
}

// ends reports whether a word ends here.
func (s *scanner) ends() bool { return s.rest == "" || strings.IndexByte(" \t,", s.rest[0]) >= 0 }

// value takes what a parameter is given. Without quotes it may have any signs
// but those that end it: addresses come so.
func (s *scanner) value() (string, bool) {
	if strings.HasPrefix(s.rest, `"`) {
		return s.quoted()
	}
	text := s.take(func(c byte) bool { return strings.IndexByte(" \t,\"", c) < 0 })
	return text, text != ""
}

// quoted takes a quoted string (RFC 9110, section 5.6.4), and all that is left
// if it does not end.
func (s *scanner) quoted() (string, bool) {
	var text strings.Builder
	for n := 1; n < len(s.rest); n++ {
		switch c := s.rest[n]; {
		case c == '"':
			s.rest = s.rest[n+1:]
			return text.String(), true
		case c == '\\' && n+1 < len(s.rest):
			n++
			text.WriteByte(s.rest[n])
		default:
			text.WriteByte(c)
		}
	}
	s.rest = ""
	return "", false
}

// token68 takes the credentials that some schemes have in place of parameters
// (RFC 9110, section 11.2); they are of no use to us. What looks like some and
// is followed by a value is a parameter.
func (s *scanner) token68() {
	ahead := *s
	ahead.spaces()
	word := ahead.take(isToken68Sign)
	ahead.take(func(c byte) bool { return c == '=' })
	after := strings.TrimLeft(ahead.rest, " \t")
	if word != "" && (after == "" || after[0] == ',') {
		*s = ahead
	}
}

// skip goes to the next comma that is not within quotes.
func (s *scanner) skip() {
	for s.rest != "" && s.rest[0] != ',' {
		if s.rest[0] == '"' {
			s.quoted()
			continue
		}
		s.rest = s.rest[1:]
	}
}

// isTokenSign is about tokens (RFC 9110, section 5.6.2).
func isTokenSign(c byte) bool {
	return isAlphanumeric(c) || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

func isToken68Sign(c byte) bool { return isAlphanumeric(c) || strings.IndexByte("-._~+/", c) >= 0 }

func isAlphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
