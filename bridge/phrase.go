package bridge

import (
	"crypto/rand"
	"fmt"
	"math/big"
)

// newPhrase draws a check phrase: two words and so many digits, the same on
// the private card and in the agent's answers. It tells two cards apart; it
// proves something only where the human has to type its digits.
func newPhrase(digits int) string {
	numbers := 1
	for range digits {
		numbers *= 10
	}
	return fmt.Sprintf("%s %s %0*d", pick(firstWords), pick(secondWords), digits, draw(numbers))
}

func pick(words []string) string { return words[draw(len(words))] }

func draw(n int) int {
	i, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		panic(fmt.Sprintf("bridge: no randomness: %v", err)) // crypto/rand never fails
	}
	return int(i.Int64())
}

// The words are short, plain, easy to say and hard to take for each other.
var firstWords = []string{
	"amber", "brave", "bright", "calm", "clever", "copper", "coral", "cosy",
	"crisp", "dusty", "early", "fancy", "fluffy", "gentle", "giant", "golden",
	"happy", "hidden", "honest", "humble", "icy", "jolly", "lively", "lucky",
	"mellow", "mighty", "misty", "modest", "noble", "olive", "patient", "polite",
	"proud", "purple", "quick", "quiet", "rapid", "rosy", "royal", "rusty",
	"salty", "scarlet", "shiny", "silent", "silver", "simple", "smooth", "snowy",
	"solid", "spicy", "steady", "sunny", "swift", "tender", "tidy", "tiny",
	"velvet", "violet", "vivid", "warm", "wild", "windy", "witty", "young",
}

var secondWords = []string{
	"acorn", "anchor", "apple", "badger", "banjo", "beacon", "bridge", "button",
	"candle", "canyon", "carrot", "castle", "cherry", "comet", "cricket", "daisy",
	"desert", "dolphin", "dragon", "falcon", "feather", "forest", "garden", "ginger",
	"guitar", "hammer", "harbour", "island", "jacket", "jungle", "kettle", "ladder",
	"lantern", "lemon", "lizard", "magnet", "maple", "marble", "meadow", "mirror",
	"mountain", "otter", "paddle", "panda", "pebble", "pepper", "pigeon", "planet",
	"pocket", "puzzle", "rabbit", "ribbon", "river", "rocket", "saddle", "salmon",
	"spider", "sponge", "teapot", "thunder", "tiger", "turtle", "walnut", "window",
}
