// Package kill tests what a power cut leaves behind: the real program is
// killed (SIGKILL) again and again, at moments that a seeded plan chooses by
// what is seen of it from outside, and after every start and at the end the
// record of all that was seen is checked. Every row of the crash table in
// docs/architecture.md has to be hit several times; that it was is read from
// the same record.
//
// A second test kills around the refresh of grants, with a tenth of the rounds
// at each of two providers: one ends a grant when a spent refresh token comes
// back, the other answers it again. What the provider still honours is not to
// be lost, and what was taken back is not to be handed out.
//
// AUTHBRIDGE_KILL_ROUNDS says how many times to kill the program as it is
// released; without it one with the race detector is killed 20 times. With
// fewer than 200 rounds, rows that were hit too seldom do not fail the test. AUTHBRIDGE_KILL_SEED makes the
// choices of an earlier run again; each run tells its seed. What a choice meets
// still depends on the machine's timing.
package kill
