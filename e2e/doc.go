// Package e2e tests the bridge from outside: the real program in a process of
// its own, a real provider or a scripted one, agents that run commands or
// speak to the socket, and humans in a real browser or without one. Nothing
// here looks inside.
//
// What the tests reach is written down by itself and compared with the
// contract when all have run: what is claimed to be reached and was not, and
// what was reached and nobody claims, fails the run.
//
// With AUTHBRIDGE_SCREENSHOTS=DIR the journeys leave pictures of what the
// human sees in that directory. CHROME names the browser if it is not on the
// PATH.
package e2e
