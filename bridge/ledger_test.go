package bridge

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestALedgerHearsInAnyOrder: transactions change one thing one after the
// other, and some of them are refused or doubted. Whatever the order in which
// that is heard, the ledger has what the store has once the next transaction
// has looked.
func TestALedgerHearsInAnyOrder(t *testing.T) {
	const seeds = 2_000
	for seed := range uint64(seeds) {
		chance := rand.New(rand.NewPCG(seed, 0))
		var l ledger
		l.begin(0, nil)
		has, heard := false, []func(){}
		tell := func() {
			i := chance.IntN(len(heard))
			heard[i]()
			heard = append(heard[:i], heard[i+1:]...)
		}
		said := ""
		for tx := uint64(1); tx <= 6; tx++ {
			l.settle(tx, func(string) bool { return has })
			l.touch("it", has)
			is := chance.IntN(2) == 0
			fate := chance.IntN(4)
			switch fate {
			case 0:
				heard = append(heard, func() { l.drop("it") })
			case 1: // doubted, and not kept
				heard = append(heard, func() { l.doubt(tx, "it") })
			case 2: // doubted, and kept
				has = is
				heard = append(heard, func() { l.doubt(tx, "it") })
			default:
				has = is
				heard = append(heard, func() { l.book(tx, "it", is) })
			}
			said += fmt.Sprintf(" %d:%d:%v", tx, fate, is)
			for len(heard) > 0 && chance.IntN(2) == 0 {
				tell()
			}
		}
		for len(heard) > 0 {
			tell()
		}
		l.settle(7, func(string) bool { return has })
		if want := more(false, has); l.count() != want {
			t.Fatalf("seed %d (transaction:fate:is%s): the ledger has %d, the store %d", seed, said, l.count(), want)
		}
		if len(l.open) != 0 || l.doubted != 0 {
			t.Fatalf("seed %d: %d postings and %d doubts stay open", seed, len(l.open), l.doubted)
		}
	}
}
