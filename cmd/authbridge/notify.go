package main

import (
	"errors"
	"fmt"
	"net"
	"strings"
)

// manager is the service manager that started the bridge and wants to hear how
// it stands, as systemd does with Type=notify: the address of its socket (see
// sd_notify(3)), "" = none.
type manager string

// What a manager is told.
const (
	isReady     = "READY=1"
	isReloading = "RELOADING=1"
	isStopping  = "STOPPING=1"
)

// status is a line for people, such as "systemctl status" shows.
func status(words string) string {
	line, _, _ := strings.Cut(words, "\n")
	return "STATUS=" + line
}

// tell sends states to the manager, all in one message.
func (m manager) tell(states ...string) error {
	if m == "" {
		return nil
	}
	if m[0] != '/' && m[0] != '@' {
		return fmt.Errorf("tell the service manager: NOTIFY_SOCKET is %q, which is no socket of this machine's", string(m))
	}
	to, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Net: "unixgram", Name: string(m)})
	if err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	_, err = to.Write([]byte(strings.Join(states, "\n")))
	if err = errors.Join(err, to.Close()); err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	return nil
}
