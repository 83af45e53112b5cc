package bridge

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// feedOf is the feed of "helper", followed from its beginning.
func feedOf(t testing.TB) (*feeds, Cursor) {
	t.Helper()
	s := newFeeds(func(...string) {})
	start := s.after("helper", "", 1)
	if !start.missed || len(start.ids) != 0 {
		t.Fatalf("a new follower is told %+v", start)
	}
	return s, start.next
}

func (s *feeds) change(ids ...int) {
	for _, id := range ids {
		s.note([]changeOf{{"helper", fmt.Sprintf("req_%026d", id)}})
	}
}

// numbers are the ids as change numbered them.
func (n news) numbers(t testing.TB) []int {
	t.Helper()
	all := []int{}
	for _, c := range n.ids {
		var id int
		if _, err := fmt.Sscanf(c.id, "req_%d", &id); err != nil {
			t.Fatalf("the id %q: %v", c.id, err)
		}
		all = append(all, id)
	}
	return all
}

func TestSeveralChangesOfOneThingAreOne(t *testing.T) {
	s, start := feedOf(t)
	s.change(1, 2, 1, 3, 2, 2)
	got := s.after("helper", start, 10)
	if want := []int{1, 3, 2}; !slices.Equal(got.numbers(t), want) || got.missed {
		t.Fatalf("changed %v, want %v", got.numbers(t), want)
	}
	for i, want := range [][]int{{3, 2}, {2}, {}} {
		if after := s.after("helper", got.ids[i].cursor, 10); !slices.Equal(after.numbers(t), want) {
			t.Errorf("after change %d: %v, want %v", i, after.numbers(t), want)
		}
	}
	if got.next != got.ids[2].cursor {
		t.Errorf("it goes on at %s, not %s", got.next, got.ids[2].cursor)
	}
}

func TestManyChangesComeInParts(t *testing.T) {
	s, cursor := feedOf(t)
	s.change(1, 2, 3, 1, 4, 5)
	var all [][]int
	for range 3 {
		part := s.after("helper", cursor, 2)
		all, cursor = append(all, part.numbers(t)), part.next
	}
	if want := "[[2 3] [1 4] [5]]"; fmt.Sprint(all) != want {
		t.Errorf("the parts are %v, want %s", all, want)
	}
}

// TestAFeedAgainstAList checks the ring against a list of everything, at
// random places, while it fills up and runs over.
func TestAFeedAgainstAList(t *testing.T) {
	s, start := feedOf(t)
	r := rand.New(rand.NewPCG(3, 14))
	cursors, all := []Cursor{start}, []int{}
	for range 3 * changesKept {
		id := r.IntN(500)
		s.change(id)
		all, cursors = append(all, id), append(cursors, s.by["helper"].cursor(uint64(len(all)+1)))
		if r.IntN(400) > 0 {
			continue
		}
		at := max(0, len(all)-r.IntN(changesKept+changesKept/2))
		got := s.after("helper", cursors[at], len(all))
		if tooOld := len(all)-at > changesKept; got.missed != tooOld {
			t.Fatalf("%d changes ago: missed is %v", len(all)-at, got.missed)
		} else if tooOld {
			continue
		}
		if want := lasts(all[at:]); !slices.Equal(got.numbers(t), want) {
			t.Fatalf("of %v there came %v, want %v", all[at:], got.numbers(t), want)
		}
	}
	if kept := len(s.by["helper"].ring); kept != changesKept {
		t.Errorf("%d changes are kept", kept)
	}
}

// lasts is what collapse has to come to, in the slow way.
func lasts(all []int) []int {
	want := []int{}
	for i, id := range all {
		if !slices.Contains(all[i+1:], id) {
			want = append(want, id)
		}
	}
	return want
}

func TestACursorOfAnotherFeedIsNotKnown(t *testing.T) {
	s, start := feedOf(t)
	s.change(1, 2)
	after := s.after("other", "", 1).next
	for what, c := range map[string]Cursor{
		"another agent's": after, "the future": s.by["helper"].cursor(3), "garbage": "x", "half": Cursor(s.by["helper"].epoch),
		"a sign": Cursor(s.by["helper"].epoch + "-+1"), "a zero too many": Cursor(s.by["helper"].epoch + "-01"),
	} {
		if got := s.after("helper", c, 10); !got.missed || len(got.ids) != 0 || got.next != s.by["helper"].cursor(2) {
			t.Errorf("%s: %+v", what, got)
		}
	}
	if got := s.after("helper", start, 10); got.missed {
		t.Error("a good one is not known")
	}
}

func TestNobodyFollowsAndNothingIsKept(t *testing.T) {
	s := newFeeds(func(...string) { t.Error("somebody is woken") })
	s.change(1)
	if len(s.by) != 0 {
		t.Error("a feed was begun that nobody asked for")
	}
}

func FuzzCursor(f *testing.F) {
	s, start := feedOf(f)
	s.change(1, 2, 3)
	feed := s.by["helper"]
	for _, seed := range []string{"", "-", string(start), feed.epoch + "-18446744073709551615", feed.epoch + "-4", "x-1", feed.epoch + "--1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, known := feed.find(Cursor(text))
		if known != (n <= 3 && Cursor(text) == feed.cursor(n)) {
			t.Errorf("%q is number %d, known: %v", text, n, known)
		}
		if got := s.after("helper", Cursor(text), 10); got.missed == known || known && len(got.ids) != int(3-n) {
			t.Errorf("after %q: %+v", text, got)
		}
	})
}
