// Package bench measures the bridge beside what it is to be compared with:
// the least that could do the same work (a heap and a few workers, a bare
// bbolt file) and what a program would use instead (one goroutine of
// golang.org/x/oauth2 for each grant). All are run in turns by one benchmark,
// each in a process of its own, and what counts are the ratios.
//
// Nothing here is for others to import. docs/performance.md says how to run
// it and what came out.
package bench
