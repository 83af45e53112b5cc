package web

import (
	"fmt"
	"image"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"github.com/authbridge/authbridge/bridge"
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

// TestScannersReadThePicture takes the picture from the card as a browser
// draws it, and has a scanner read it: it says the plain address, also where
// Open leads to one with the code in it.
func TestScannersReadThePicture(t *testing.T) {
	longest := "https://login.example.com/" + strings.Repeat("a/", (maxPictured-26)/2)
	for _, address := range []string{"https://login.example.com/device", "http://127.0.0.1:41873/device", "https://login.example.com/device?tenant=a%20b", longest} {
		c := coded()
		c.Code.Address = address
		c.Code.Open = bridge.NewSecret(address + "?user_code=WDJB-MJHT")
		read := scan(t, onCard(t, c))
		if read != address {
			t.Errorf("a phone is led to %q, want %q", read, address)
		}
		if code := c.Code.UserCode.Reveal(); strings.Contains(read, code) || strings.Contains(read, strings.ReplaceAll(code, "-", "")) {
			t.Errorf("the picture holds the code: %q", read)
		}
	}
}

// onCard is the picture that a card shows.
func onCard(t *testing.T, c bridge.Card) *picture {
	t.Helper()
	for _, n := range nodes(t, c) {
		if n.Data != "svg" {
			continue
		}
		for p := range n.Descendants() {
			var side, same int
			if _, err := fmt.Sscanf(attr(n, "viewBox"), "0 0 %d %d", &side, &same); attr(p, "fill") == "#000" && err == nil && side == same {
				return &picture{side, attr(p, "d")}
			}
		}
	}
	t.Fatal("there is no picture on the card")
	return nil
}

// scan reads a picture as a phone does, from pixels.
func scan(t *testing.T, p *picture) string {
	t.Helper()
	const scale = 4
	screen := image.NewGray(image.Rect(0, 0, p.Side*scale, p.Side*scale))
	black := drawn(t, p)
	for i := range screen.Pix {
		if x, y := i%screen.Stride/scale, i/screen.Stride/scale; !black[[2]int{x, y}] {
			screen.Pix[i] = 255
		}
	}
	seen, err := gozxing.NewBinaryBitmapFromImage(screen)
	if err != nil {
		t.Fatal(err)
	}
	found, err := qrcode.NewQRCodeReader().DecodeWithoutHints(seen)
	if err != nil {
		t.Fatalf("no scanner can read it: %v", err)
	}
	return found.GetText()
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
