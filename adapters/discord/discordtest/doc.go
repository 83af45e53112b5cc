// Package discordtest is a strict stand-in for Discord: its REST interface, its
// gateway and its signed calls, and people who see what Discord would show them
// and press only that.
package discordtest
