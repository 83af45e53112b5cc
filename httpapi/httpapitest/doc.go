// Package httpapitest is a desk for tests of the agent API, without a bridge
// behind it, and a listener for tests in which time is not real.
package httpapitest
