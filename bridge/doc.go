// Package bridge is the domain of authbridge: an agent asks, a human is
// reached, the provider grants, the agent is woken with the token.
//
// It knows no technology. What it needs from outside stands here as small
// ports ([Store], [Provider]), each with its contract; the rooms around it
// implement them. Two things live here: a [Request], one asking, which ends
// exactly once, and a [Grant], what a human gave.
//
// Everything that happens to a request is an [Event] folded by
// [Request.Apply] over one table. It is committed first; only then does
// anything act on it.
package bridge
