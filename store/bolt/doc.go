// Package bolt keeps the bridge's state in one file, with bbolt: the store
// that needs nothing else to run.
//
// Many transactions that wait together share one commit, and so one write to
// disk. Keys begin with time or with ids that sort by time, so that new
// records land at the end of their tree; what the clock and the poller need
// is in an index of its own, so that a start reads what is pending and not
// what is over. What the last few hundred requests decode to is remembered by
// their bytes, so that it is never another's nor an older one.
package bolt
