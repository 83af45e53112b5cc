// Package slacktest is a strict stand-in for Slack: a workspace with people
// who see what is shown to them and press what they see.
package slacktest
