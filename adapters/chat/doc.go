// Package chat is what all chats have in common: how a card reads, what can be
// pressed and typed, and how what comes in is taken in, once. A platform's
// adapter brings its own signs and its own wire.
package chat
