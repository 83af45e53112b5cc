package authbridge_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// points are the numbers, from and to, that docs/checklist.md has to have.
var points = [][2]int{{1, 39}, {60, 69}}

var (
	pointRow = regexp.MustCompile(`^\| (\d+) \| .+ \| (.+) \|$`)
	numbered = regexp.MustCompile(`^TestCheck(\d{2})[A-Z]`)
)

// TestTheChecklistNamesItsTests: each point stands there once, in order, with
// tests that are there, and each test that carries a number stands at its
// point.
func TestTheChecklistNamesItsTests(t *testing.T) {
	rows, order := checklist(t)
	if !slices.IsSorted(order) || len(slices.Compact(slices.Clone(order))) != len(order) {
		t.Errorf("the points are not in order, or one stands there twice: %v", order)
	}
	for _, from := range points {
		for n := from[0]; n <= from[1]; n++ {
			if !slices.Contains(order, n) {
				t.Errorf("point %d is missing", n)
			}
		}
	}
	there := map[string]map[string]bool{}
	for n, shown := range rows {
		named := guardedBy.FindAllStringSubmatch(shown, -1)
		if len(named) == 0 {
			t.Errorf("point %d names no test", n)
		}
		for _, m := range named {
			room, test := m[1], m[2]
			if there[room] == nil {
				there[room] = testsIn(t, room)
			}
			if !there[room][test] {
				t.Errorf("point %d names %s, and %s has no such test", n, test, room)
			}
			if of := numbered.FindStringSubmatch(test); of != nil && of[1] != fmt.Sprintf("%02d", n) {
				t.Errorf("point %d names %s", n, test)
			}
		}
	}
	for _, room := range testedRooms(t) {
		for test := range testsIn(t, room) {
			of := numbered.FindStringSubmatch(test)
			if of == nil {
				continue
			}
			if n, _ := strconv.Atoi(of[1]); !strings.Contains(rows[n], "`"+room+"."+test+"`") {
				t.Errorf("%s has %s, and point %d does not name it", room, test, n)
			}
		}
	}
}

// checklist returns what shows each point, and the points in their order.
func checklist(t *testing.T) (rows map[int]string, order []int) {
	t.Helper()
	text, err := os.ReadFile("docs/checklist.md")
	if err != nil {
		t.Fatal(err)
	}
	rows = map[int]string{}
	for line := range strings.Lines(string(text)) {
		row := pointRow.FindStringSubmatch(strings.TrimSpace(line))
		if row == nil {
			continue
		}
		n, err := strconv.Atoi(row[1])
		if err != nil {
			t.Fatal(err)
		}
		rows[n] = row[2]
		order = append(order, n)
	}
	return rows, order
}

// testedRooms are the directories with tests.
func testedRooms(t *testing.T) (rooms []string) {
	t.Helper()
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return skipForeign(name, entry)
		case strings.HasSuffix(name, "_test.go"):
			rooms = append(rooms, filepath.ToSlash(filepath.Dir(name)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return slices.Compact(slices.Sorted(slices.Values(rooms)))
}
