package slack

import (
	"github.com/authbridge/authbridge/adapters/chat/chattest"
	"github.com/authbridge/authbridge/bridge"
)

// The cards that are drawn here are those that every chat draws.

// scene is a card, and what it shows.
type scene struct {
	name string
	card bridge.Card
}

func scenesOf(all []chattest.Scene) []scene {
	var scenes []scene
	for _, s := range all {
		scenes = append(scenes, scene{s.Name, s.Card})
	}
	return scenes
}

func privateScenes() []scene { return scenesOf(chattest.PrivateScenes()) }
func endedScenes() []scene   { return scenesOf(chattest.EndedScenes()) }
func teamScenes() []scene    { return scenesOf(chattest.TeamScenes()) }
func lineScenes() []scene    { return scenesOf(chattest.LineScenes()) }

func with(c bridge.Card, change func(*bridge.Card)) bridge.Card { return chattest.With(c, change) }
func requestNamed(end string) bridge.RequestID                  { return chattest.RequestNamed(end) }
func askedCard() bridge.Card                                    { return chattest.AskedCard() }
func codedCard() bridge.Card                                    { return chattest.CodedCard() }
func digitsCard() bridge.Card                                   { return chattest.DigitsCard() }
func givenCard() bridge.Card                                    { return chattest.GivenCard() }
func sharedCard() bridge.Card                                   { return chattest.SharedCard() }
func claimedCard() bridge.Card                                  { return chattest.ClaimedCard() }

func everywhere(s string) map[string]bridge.Card { return chattest.Everywhere(s) }

var (
	noon    = chattest.Noon
	hostile = chattest.Hostile

	pressNotMe    = chattest.PressNotMe
	pressDeny     = chattest.PressDeny
	pressFinished = chattest.PressFinished
	pressRelease  = chattest.PressRelease
)
