package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

//go:generate go test -run ^TestReference$ -update

// setting declares one key: what it is for and what reads it, or that it has
// not landed. A setting that holds others has exactly one of inside, each and
// items.
type setting struct {
	key   string
	later bool
	read  reader

	means     string // what it is for: whole sentences
	otherwise string // the default in words, where it is no plain value
	example   string // a value, as it stands in the file; of names: a name
	instead   string // the key beside it that it takes the place of; "" = none

	inside []setting                   // a mapping with these keys
	each   func(name string) []setting // a mapping whose keys are names people chose
	items  func() []setting            // a list of mappings
}

// reader takes over the value of a key.
type reader struct {
	form string                     // what may be written there, for people
	now  func() string              // the value that is held, as in the file; nil or "" = none
	take func(path string, v value) // the value stands at path
}

// section is a mapping with fixed keys.
func (d *decoder) section(key, means string, inside ...setting) setting {
	return setting{key: key, means: means, inside: inside, read: reader{take: func(path string, v value) { d.mapping(path, v, inside) }}}
}

// named is a mapping whose keys are names, such as the example. each is called
// once for every name and returns where its settings go.
func (d *decoder) named(key, means, example string, each func(name string) []setting) setting {
	return setting{key: key, means: means, example: example, each: each, read: reader{take: func(path string, v value) {
		if !d.is(path, v, mapping) {
			return
		}
		for _, p := range d.pairs(path, v) {
			settings := each(p.key)
			switch p.value.kind {
			case nothing:
				d.faultAt(p.line, path, "a name without a value", mapping.whenEmpty())
			case mapping:
				d.checkName(p.path, p.key)
				d.mapping(p.path, p.value, settings)
				continue
			default:
				d.is(p.path, p.value, mapping)
			}
			// What it lacks is not told too.
			delete(d.lines, p.path)
		}
	}}}
}

// listed is a list of mappings. items is called once for every item and
// returns where its settings go.
func (d *decoder) listed(key, means string, items func() []setting) setting {
	return setting{key: key, means: means, items: items, read: reader{take: func(path string, v value) {
		if !d.is(path, v, list) {
			return
		}
		for i, item := range v.items {
			at := d.item(path, i, item)
			if d.mapping(at, item, items()); item.kind != mapping {
				delete(d.lines, at) // what it lacks is not told too
			}
		}
	}}}
}

// later declares keys that this version refuses.
func later(keys ...string) []setting {
	all := make([]setting, len(keys))
	for i, key := range keys {
		all[i] = setting{key: key, later: true}
	}
	return all
}

// laterSection is a mapping that this version refuses as a whole.
func laterSection(key string, keys ...string) setting {
	return setting{key: key, later: true, inside: later(keys...)}
}

// mapping reads a mapping with fixed keys.
func (d *decoder) mapping(path string, v value, settings []setting) {
	if !d.is(path, v, mapping) {
		return
	}
	for _, p := range d.pairs(path, v) {
		i := slices.IndexFunc(settings, func(s setting) bool { return s.key == p.key })
		switch {
		case i < 0:
			d.unknown(path, p, settings)
		case settings[i].later:
			d.fault(p.path, notYet, "")
		default:
			settings[i].read.take(p.path, p.value)
		}
	}
}

// placed is a pair and its path.
type placed struct {
	pair
	path string
}

// pairs notes where the keys of a mapping stand and leaves out doubles.
func (d *decoder) pairs(path string, v value) []placed {
	first := make(map[string]int, len(v.pairs))
	var all []placed
	for _, p := range v.pairs {
		at := join(path, p.key)
		if line, double := first[p.key]; double {
			d.faultAt(p.line, at, fmt.Sprintf("given twice; the first is on line %d", line), "keep one of the two")
			continue
		}
		first[p.key] = p.line
		d.lines[at] = p.line
		all = append(all, placed{pair: p, path: at})
	}
	return all
}

// item notes where an item of a list stands.
func (d *decoder) item(path string, i int, v value) string {
	at := fmt.Sprintf("%s[%d]", path, i)
	d.lines[at] = v.line
	return at
}

// unknown refuses a key. One without a value may be what is left of a value
// whose key was mistyped, so it is not repeated.
func (d *decoder) unknown(parent string, p placed, settings []setting) {
	if p.value.kind == nothing {
		d.faultAt(p.line, parent, "a key that is not known, without a value", "write it as key: value, with a space after the colon")
		return
	}
	keys := make([]string, len(settings))
	for i, s := range settings {
		keys[i] = s.key
	}
	if near := nearest(p.key, keys); near != "" {
		d.fault(p.path, fmt.Sprintf("unknown key; did you mean %q?", near), "")
		return
	}
	if elsewhere := d.elsewhere(p.key); elsewhere != "" {
		d.fault(p.path, "unknown key here", "it is known as "+elsewhere)
		return
	}
	landed := slices.DeleteFunc(slices.Clone(settings), func(s setting) bool { return s.later })
	keys = keys[:0]
	for _, s := range landed {
		keys = append(keys, s.key)
	}
	d.fault(p.path, "unknown key", "known here: "+strings.Join(keys, ", "))
}

// elsewhere finds the one other place where a key is known.
func (d *decoder) elsewhere(key string) string {
	if d.known == nil {
		d.known = Keys()
	}
	var found []string
	for _, k := range d.known {
		if strings.HasSuffix(k.Path, "."+key) || k.Path == key {
			found = append(found, k.Path)
		}
	}
	if len(found) != 1 {
		return ""
	}
	return found[0]
}

var (
	plainKey = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,63}$`)
	otherKey = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:/*@+-]{0,127}$`)
)

// join makes the path of a key as people write it. What cannot be a key or a
// name is not repeated: it may be a mistyped secret.
func join(path, key string) string {
	switch {
	case plainKey.MatchString(key):
	case otherKey.MatchString(key):
		key = strconv.Quote(key)
	default:
		key = "?"
	}
	if path == "" {
		return key
	}
	return path + "." + key
}
