package config

import "slices"

// Key is a key of the file. Path has "*" in place of a name and "[]" after a
// list of mappings: "agents.*.may[].ask". What is said of it is Markdown of
// one line; a key that has not landed may have no words.
type Key struct {
	Path   string
	Landed bool // false: known, and refused as "not in this version"

	Means     string // what it is for: whole sentences
	Form      string // what may be written there; "" = it holds other keys
	Default   string // as it would stand in the file; "" = none
	Otherwise string // the default in words, where it is no plain value; "" = none
	Example   string // a value as it stands in the file; of a section of names: a name
	Instead   string // the key beside it that it takes the place of; "" = none
	Restart   bool   // a change of it needs a restart
}

// Keys lists every key that is known, sections too, in the order of their
// declaration.
func Keys() []Key {
	d := newDecoder("", Env{})
	return appendKeys(nil, "", d.file(), false)
}

func appendKeys(all []Key, parent string, settings []setting, refused bool) []Key {
	for _, s := range settings {
		path := s.key
		if parent != "" {
			path = parent + "." + s.key
		}
		refused := refused || s.later
		all = append(all, s.described(path, !refused))
		switch {
		case s.each != nil:
			all = appendKeys(all, path+".*", s.each("*"), refused)
		case s.items != nil:
			all = appendKeys(all, path+"[]", s.items(), refused)
		default:
			all = appendKeys(all, path, s.inside, refused)
		}
	}
	return all
}

// described is what is said of a setting. Nothing was read yet, so that what
// it holds is its default.
func (s setting) described(path string, landed bool) Key {
	k := Key{
		Path: path, Landed: landed, Means: s.means, Form: s.read.form, Otherwise: s.otherwise, Example: s.example,
		Instead: s.instead, Restart: needsRestart(path),
	}
	if s.read.now != nil {
		k.Default = s.read.now()
	}
	return k
}

func needsRestart(path string) bool {
	return slices.ContainsFunc(opened(&Config{}, &Config{}), func(k kept) bool { return k.key == path })
}
