package kill

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authbridge/authbridge/api"
)

// TestHitsAreReadFromTheEvidence: for each row a life that hit it, and one
// that came close.
func TestHitsAreReadFromTheEvidence(t *testing.T) {
	is := func(w what) fact { return fact{what: w, ask: it, id: id, device: "d1", user: "u1", token: "t1"} }
	left := func(s api.State) fact {
		return fact{what: stored, ask: it, id: id, state: s, version: 3, device: "d1", interval: time.Second}
	}
	minting := left(api.Asked)
	minting.minting = true
	slowDown := is(answered)
	slowDown.answer, slowDown.interval = "slow_down", 6*time.Second
	longer := left(api.Coded)
	longer.interval = 6 * time.Second
	saidGranted := stands(told, api.Granted, 3)
	before := []fact{stands(told, api.Asked, 1)} // in an earlier life
	for name, c := range map[string]struct {
		before, life []fact
		want         []row
	}{
		"asked":                {nil, []fact{is(asks), left(api.Asked)}, []row{rowAsked}},
		"asked, not stored":    {nil, []fact{is(asks)}, nil},
		"asked and told":       {nil, []fact{is(asks), stands(told, api.Asked, 1), left(api.Asked)}, nil},
		"clicked":              {before, []fact{is(clicking), minting}, []row{rowClicked}},
		"clicked, not stored":  {before, []fact{is(clicking), left(api.Asked)}, nil},
		"clicked, begun":       {before, []fact{is(clicking), is(begun), minting}, nil},
		"minted":               {before, []fact{is(clicking), is(begun), is(minted), minting}, []row{rowMinted}},
		"coded":                {before, []fact{is(minted), left(api.Coded)}, []row{rowCoded}},
		"coded and shown":      {before, []fact{is(minted), is(shown), left(api.Coded)}, nil},
		"coded before":         {append(slices.Clone(before), is(minted)), []fact{left(api.Coded)}, nil},
		"approved":             {before, []fact{is(approved), left(api.Coded)}, []row{rowApproved}},
		"approved and polled":  {before, []fact{is(approved), is(polled), left(api.Coded)}, nil},
		"handed":               {before, []fact{is(polled), is(handed), left(api.Coded)}, []row{rowHanded}},
		"handed and kept":      {before, []fact{is(handed), is(kept), left(api.Held)}, []row{rowHeld}},
		"granted":              {before, []fact{is(identified), is(kept), left(api.Granted)}, []row{rowGranted}},
		"granted and told":     {append(slices.Clone(before), saidGranted), []fact{left(api.Granted)}, nil},
		"collected":            {before, []fact{is(collecting), left(api.Collected)}, []row{rowCollected}},
		"collected and sent":   {before, []fact{is(collecting), is(released), left(api.Collected)}, nil},
		"not collected":        {append(slices.Clone(before), saidGranted), []fact{is(collecting), left(api.Granted)}, nil},
		"to be revoked":        {before, []fact{is(kept), is(owed), left(api.Denied)}, []row{rowOwed}},
		"being revoked":        {before, []fact{is(kept), is(owed), is(revoking), left(api.Denied)}, nil},
		"told to slow down":    {before, []fact{is(polled), slowDown, left(api.Coded)}, []row{rowSlow}},
		"slowed down":          {before, []fact{is(polled), slowDown, longer}, []row{rowSlowed}},
		"slowed down, polling": {before, []fact{is(polled), slowDown, is(polled), longer}, nil},
	} {
		var facts tale
		facts.add(1, c.before...)
		facts.add(2, c.life...)
		facts.add(3, is(shown), is(revoking), is(begun)) // what comes after plays no part
		hit := hits(facts, 2)
		maps.DeleteFunc(hit, func(_ row, found bool) bool { return !found })
		if diff := cmp.Diff(c.want, slices.Sorted(maps.Keys(hit))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
