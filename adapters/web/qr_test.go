package web

import (
	"fmt"
	"strings"
	"testing"
)

// The QR picture is of the plain address, also where Open leads to one with
// the code in it, and its name says so.
func TestPictureIsOfThePlainAddress(t *testing.T) {
	c := coded()
	if !strings.Contains(c.Code.Open.Reveal(), "user_code") {
		t.Fatal("the card of this test has to have a complete address")
	}
	s, err := testRenderer().digested(c)
	if err != nil {
		t.Fatal(err)
	}
	if want := pictureOf("https://login.example.com/device"); s.QR == nil || s.QR.Path != want.Path {
		t.Error("the picture is not of the plain address")
	}
	if other := pictureOf(c.Code.Open.Reveal()); other.Path == s.QR.Path {
		t.Error("this test cannot tell two addresses apart")
	}
	for _, n := range nodes(t, c) {
		if n.Data == "svg" {
			if attr(n, "role") != "img" || attr(n, "aria-label") != "QR code of login.example.com/device" {
				t.Errorf("it is called %q", attr(n, "aria-label"))
			}
			return
		}
	}
	t.Error("there is no picture")
}

// TestPictureCanBeScanned holds the drawing against the rules of a QR code
// that a drawn mistake would break: a rim of four, three finders, and every
// module inside the square.
func TestPictureCanBeScanned(t *testing.T) {
	p := pictureOf("https://login.example.com/device")
	black := drawn(t, p)
	for y := range p.Side {
		for x := range p.Side {
			inside := x >= quiet && y >= quiet && x < p.Side-quiet && y < p.Side-quiet
			if black[[2]int{x, y}] && !inside {
				t.Fatalf("the rim is black at %d,%d", x, y)
			}
		}
	}
	far := p.Side - quiet - 7
	for _, at := range [][2]int{{quiet, quiet}, {far, quiet}, {quiet, far}} {
		for y := range 7 {
			for x := range 7 {
				ring := x == 0 || y == 0 || x == 6 || y == 6
				heart := x >= 2 && x <= 4 && y >= 2 && y <= 4
				if got := black[[2]int{at[0] + x, at[1] + y}]; got != (ring || heart) {
					t.Fatalf("the finder at %v is wrong at %d,%d", at, x, y)
				}
			}
		}
	}
}

func TestNoPictureOfWhatCannotBeDrawn(t *testing.T) {
	if pictureOf("https://login.example.com/"+strings.Repeat("x", maxPictured)) != nil {
		t.Error("an address too long to scan is drawn")
	}
}

// drawn are the black modules of a picture.
func drawn(t *testing.T, p *picture) map[[2]int]bool {
	t.Helper()
	black := map[[2]int]bool{}
	for part := range strings.SplitSeq(strings.TrimSuffix(p.Path, "z"), "z") {
		var x, y, w, back int
		if _, err := fmt.Sscanf(part, "M%d %dh%dv1h-%d", &x, &y, &w, &back); err != nil || w != back {
			t.Fatalf("%q: %v", part, err)
		}
		for i := range w {
			black[[2]int{x + i, y}] = true
		}
	}
	return black
}
