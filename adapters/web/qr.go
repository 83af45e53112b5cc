package web

import (
	"strconv"
	"strings"

	"rsc.io/qr"
)

// quiet is the width of the white rim that scanners need, in modules.
const quiet = 4

// maxPictured bounds the address that is drawn: what is longer makes a picture
// too fine to scan from a screen.
const maxPictured = 250

// picture is a QR code as the template draws it: one path in a square.
type picture struct {
	Side int    // of the square, in modules, with its rim
	Path string // of the black modules
}

// pictureOf draws an address, for the phone that scans it. It is always the
// plain one, never one with a code in it. No picture is nil: the address
// stands beside it in words.
func pictureOf(address string) *picture {
	if len(address) > maxPictured {
		return nil
	}
	code, err := qr.Encode(address, qr.M)
	if err != nil {
		return nil
	}
	var path strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			begin := x
			for code.Black(x, y) { // white outside of the picture
				x++
			}
			if x > begin {
				run(&path, begin, y, x-begin)
			}
		}
	}
	return &picture{code.Size + 2*quiet, path.String()}
}

// run draws black modules that lie side by side.
func run(path *strings.Builder, x, y, length int) {
	path.WriteString("M" + strconv.Itoa(x+quiet) + " " + strconv.Itoa(y+quiet) + "h" + strconv.Itoa(length) + "v1h-" + strconv.Itoa(length) + "z")
}
