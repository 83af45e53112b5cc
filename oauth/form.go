package oauth

import (
	"encoding/json"
	"net/url"
	"strings"

	"github.com/authbridge/authbridge/oauth/profile"
)

// form is the body of a call to be posted, in the provider's dialect. Its
// members keep the order in which they came.
type form struct {
	dialect *profile.Dialect
	text    strings.Builder
}

func (p *Provider) newForm() *form {
	f := &form{dialect: &p.profile.Dialect}
	f.text.Grow(512) // most fit
	return f
}

// add appends a member, under the name that the provider has for it.
func (f *form) add(name, value string) {
	if theirs, other := f.dialect.Sent[name]; other {
		name = theirs
	}
	if f.dialect.JSON {
		f.addJSON(name, value)
		return
	}
	if f.text.Len() > 0 {
		f.text.WriteByte('&')
	}
	f.text.WriteString(url.QueryEscape(name))
	f.text.WriteByte('=')
	f.text.WriteString(url.QueryEscape(value))
}

func (f *form) addJSON(name, value string) {
	if f.text.Len() > 0 {
		f.text.WriteByte(',')
	}
	member, _ := json.Marshal(name) // of texts it cannot fail
	f.text.Write(member)
	f.text.WriteByte(':')
	member, _ = json.Marshal(value)
	f.text.Write(member)
}

// body is the form as it is sent.
func (f *form) body() string {
	if f.dialect.JSON {
		return "{" + f.text.String() + "}"
	}
	return f.text.String()
}

// kind is the form's media type.
func (f *form) kind() string {
	if f.dialect.JSON {
		return "application/json"
	}
	return "application/x-www-form-urlencoded"
}

// grant is the grant type of a poll (RFC 8628, section 3.4).
func (p *Provider) grant() string {
	if p.profile.Dialect.Grant != "" {
		return p.profile.Dialect.Grant
	}
	return deviceGrant
}

// read reads an answer in the provider's dialect. A member that it calls as
// we do wins over another that would be called so.
func (p *Provider) read(answer reply) (members, error) {
	m, err := answer.members()
	for theirs, ours := range p.profile.Dialect.Read {
		if _, there := m[ours]; there {
			continue
		}
		if v, there := m[theirs]; there {
			m[ours] = v
		}
	}
	return m, err
}
