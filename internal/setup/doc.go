// Package setup writes a first configuration, and adds to one or changes it
// later, by asking for what it has not been told. It asks one thing at a time,
// says why, and looks at each answer at once. Nothing is written before all is
// answered and the whole has been read as a bridge would read it; what people
// have written into the file stays as it is.
package setup
