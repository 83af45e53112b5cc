// Package doctor looks at a configuration and all that it names, finds what is
// wrong or unwise, and says what to do about it. A running bridge asks it about
// itself; without a bridge the command asks it about the file. It changes
// nothing, but for one thing: to see whether a provider knows our client, it
// makes a real device authorization request there, whose codes are dropped
// unseen and never polled.
package doctor
