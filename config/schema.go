package config

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// setting declares one key: what reads it, or that it has not landed. A
// setting that holds others has exactly one of inside, each and items.
type setting struct {
	key   string
	later bool
	read  reader

	inside []setting                   // a mapping with these keys
	each   func(name string) []setting // a mapping whose keys are names people chose
	items  func() []setting            // a list of mappings
}

// reader takes over the value of a key that stands at path.
type reader func(path string, v value)

// section is a mapping with fixed keys.
func (d *decoder) section(key string, inside ...setting) setting {
	return setting{key: key, inside: inside, read: func(path string, v value) { d.mapping(path, v, inside) }}
}

// named is a mapping whose keys are names. each is called once for every name
// and returns where its settings go.
func (d *decoder) named(key string, each func(name string) []setting) setting {
	return setting{key: key, each: each, read: func(path string, v value) {
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
	}}
}

// listed is a list of mappings. items is called once for every item and
// returns where its settings go.
func (d *decoder) listed(key string, items func() []setting) setting {
	return setting{key: key, items: items, read: func(path string, v value) {
		if !d.is(path, v, list) {
			return
		}
		for i, item := range v.items {
			at := d.item(path, i, item)
			if d.mapping(at, item, items()); item.kind != mapping {
				delete(d.lines, at) // what it lacks is not told too
			}
		}
	}}
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
			settings[i].read(p.path, p.value)
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

// Key is a key of the file. Path has "*" in place of a name and "[]" after a
// list of mappings: "agents.*.may[].ask".
type Key struct {
	Path   string
	Landed bool // false: known, and refused as "not in this version"
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
		all = append(all, Key{Path: path, Landed: !refused})
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
