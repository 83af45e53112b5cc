// Package discord reaches people in Discord: it brings the cards of requests to
// them, and takes what they press to the bridge. It knows the platform and the
// domain, and no other room.
package discord

// DefaultAPIURL is the scheme and host of Discord.
const DefaultAPIURL = "https://discord.com"
