package main

import "unicode"

// fitted picks the first text that a terminal has room for in one row, and
// cuts the last if none is short enough: one that went on in the next row
// could not be written over. The last column stays free, since some terminals
// begin the next row as soon as it is taken.
func fitted(texts []string, width int) string {
	if width < 2 {
		return texts[0]
	}
	for _, text := range texts {
		if columns(text) < width {
			return text
		}
	}
	return cut(texts[len(texts)-1], width-2) + "…"
}

// cut keeps the letters of a text that fit into so many columns.
func cut(text string, room int) string {
	for i, letter := range text {
		if room -= breadth(letter); room < 0 {
			return text[:i]
		}
	}
	return text
}

// columns is how many columns of a terminal a text takes.
func columns(text string) (n int) {
	for _, letter := range text {
		n += breadth(letter)
	}
	return n
}

// breadth is how many columns a letter takes: two if it is from East Asia or a
// picture, none if it is a mark on the one before.
func breadth(letter rune) int {
	switch {
	case letter < 0x300:
		return 1
	case unicode.In(letter, unicode.Mn, unicode.Me):
		return 0
	case letter >= 0x1100 && letter <= 0x115f, letter >= 0x2e80 && letter <= 0xa4cf, letter >= 0xac00 && letter <= 0xd7a3,
		letter >= 0xf900 && letter <= 0xfaff, letter >= 0xfe30 && letter <= 0xfe6f, letter >= 0xff00 && letter <= 0xff60,
		letter >= 0xffe0 && letter <= 0xffe6, letter >= 0x1f300 && letter <= 0x1faff, letter >= 0x20000 && letter <= 0x3fffd:
		return 2
	}
	return 1
}
