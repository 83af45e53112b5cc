// Command authbridge is the bridge to the human: it runs the daemon, and it
// is what agents and operators call.
package main

import (
	"os"
)

// version is set when a release is built.
var version = "development"

//go:generate go test -run ^TestManPages$ -update

func main() { os.Exit(run(os.Args[1:], standardIO())) }
