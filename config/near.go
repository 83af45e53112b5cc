package config

import "slices"

// Nearest returns the candidate that was probably meant by word, "" if none is
// near; commands use it as the file does.
func Nearest(word string, candidates []string) string { return nearest(word, candidates) }

// nearest returns the candidate that was probably meant by word, "" if none is
// near. Among equally near ones the first in alphabetical order wins.
func nearest(word string, candidates []string) string {
	best, least := "", allowance(word)+1
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		if c == word || max(len(c), len(word))-min(len(c), len(word)) >= least {
			continue
		}
		if d := distance(word, c); d < least {
			best, least = c, d
		}
	}
	return best
}

// allowance is how many slips of the finger a word of this length may have.
// Longer words than any name or key are not compared.
func allowance(word string) int {
	switch n := len(word); {
	case n > 64:
		return -1
	case n <= 2:
		return 0
	case n <= 5:
		return 1
	}
	return 2
}

// distance counts the insertions, deletions, replacements and swaps of
// neighbours that make b of a (optimal string alignment).
func distance(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next := make([]int, len(b)+1)
		next[0] = i + 1
		for j := range len(b) {
			next[j+1] = min(row[j+1]+1, next[j]+1, row[j]+unequal(a[i], b[j]))
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}

func unequal(a, b byte) int {
	if a == b {
		return 0
	}
	return 1
}
