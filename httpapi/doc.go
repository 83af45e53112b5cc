// Package httpapi serves the agent API: it knows who calls, reads strictly,
// translates between the wire types of package api and the bridge, and lets
// agents wait. It decides nothing: that is the bridge's.
package httpapi
