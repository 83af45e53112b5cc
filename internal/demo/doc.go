// Package demo tells the whole story on one machine: an agent asks, a human
// is shown the request in her inbox, signs in at a provider and allows it, and
// the agent has its token. The provider is a demo's (package provider). All
// the rest is the bridge as it always is: a configuration file, the daemon, the
// agents' socket with the client, and the inbox.
//
// What it makes is in one directory of its own and is gone when it ends. It
// reads no configuration but the one that it has written, and nothing of the
// environment but where temporary files go, whether there is a browser, and
// whether somebody came over ssh.
package demo
