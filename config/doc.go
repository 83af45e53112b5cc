// Package config reads authbridge.yaml: it finds the file, reads it strictly
// and hands over settings that are complete and agree with each other, or all
// that is wrong at once.
//
// Every key is declared once, in the tables of the files named after the
// sections (file.go, provider.go, human.go, agent.go): what the key is called
// and is for, how its value is read, where it goes, and whether it has landed
// in this version. Reading, "did you mean", [Keys] and the page
// docs/configuration.md all work from those tables. What
// needs more than one value to judge, such as a name that another section must
// have, is checked after everything is read.
//
// The file is plain YAML of one document. Anchors, aliases, merge keys and
// tags are refused: each line then means what it says, and no line can mean a
// million. A fault names keys and lines; it repeats values only where people
// write names, never where a secret could stand.
package config
