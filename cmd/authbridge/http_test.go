package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/authbridge/authbridge/oauth/oauthtest"
)

// publicCallback is where the issuer of scripts sends people back to.
const publicCallback = "https://bridge.example.com/callback"

// door keeps where a bridge said that it listens.
func door(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, neg, len(args) == 3, "door NAME FOR VARIABLE")
	says(ts, false, []string{args[0], `"for":"` + args[1] + `"`})
	said, _ := jobOf(ts, args[0]).err.read()
	for line := range strings.Lines(said) {
		var what struct{ Msg, For, At string }
		if json.Unmarshal([]byte(line), &what) == nil && what.Msg == "listening" && what.For == args[1] {
			ts.Setenv(args[2], what.At)
			return
		}
	}
	ts.Fatalf("%s does not say where it listens for %s", args[0], args[1])
}

// raw sends a request as it stands, and prints the answer.
func raw(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, neg, len(args) >= 2, "http ADDRESS 'GET / HTTP/1.1' [HEADER...] ['' BODY...]")
	network := "tcp"
	if strings.HasPrefix(args[0], "/") {
		network = "unix"
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, network, args[0])
	ts.Check(err)
	defer func() { _ = conn.Close() }()
	ts.Check(conn.SetDeadline(time.Now().Add(patience)))
	_, err = io.WriteString(conn, requestOf(ts, args[1:]))
	ts.Check(err)
	answer, _ := io.ReadAll(conn) // a connection that is cut off has said what it said
	_, _ = ts.Stdout().Write([]byte(strings.ReplaceAll(string(answer), "\r\n", "\n")))
}

// requestOf puts lines together. In them \x1b, \r, \n and the like stand for
// what they do in Go, and LONG for 40,000 letters.
func requestOf(ts *testscript.TestScript, lines []string) string {
	for i, line := range lines {
		text, err := strconv.Unquote(`"` + strings.ReplaceAll(line, `"`, `\"`) + `"`)
		ts.Check(err)
		lines[i] = strings.ReplaceAll(text, "LONG", strings.Repeat("l", 40_000))
	}
	head, body := lines, ""
	for i, line := range lines {
		if line == "" {
			head, body = lines[:i], strings.Join(lines[i+1:], "\n")
			break
		}
	}
	text := strings.Join(head, "\r\n") + "\r\nConnection: close\r\n"
	if body != "" {
		text += "Content-Length: " + strconv.Itoa(len(body)) + "\r\n"
	}
	return text + "\r\n" + body
}

// crawl connects many times, says one thing, and then nothing.
func crawl(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, neg, len(args) == 2, "crawl ADDRESS TEXT")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	text, err := strconv.Unquote(`"` + args[1] + `"`)
	ts.Check(err)
	for range 20 {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", args[0])
		ts.Check(err)
		ts.Defer(func() { _ = conn.Close() })
		_, err = io.WriteString(conn, text)
		ts.Check(err)
		sceneOf(ts).slow = append(sceneOf(ts).slow, conn)
	}
}

// cutOff waits until everybody who crawls is cut off.
func cutOff(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, neg, len(args) == 0, "cutoff")
	over := time.Now().Add(patience)
	for _, conn := range sceneOf(ts).slow {
		ts.Check(conn.SetReadDeadline(over))
		if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
			ts.Fatalf("%s still has a connection that says nothing", conn.RemoteAddr())
		}
	}
}

// member keeps a member of the JSON that the last answer holds.
func member(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, neg, len(args) == 2, "member NAME VARIABLE")
	_, body, _ := strings.Cut(ts.ReadFile("stdout"), "\n\n")
	var members map[string]string
	if err := json.Unmarshal([]byte(body), &members); err != nil {
		ts.Fatalf("the answer holds no JSON: %v: %s", err, body)
	}
	ts.Setenv(args[1], members[args[0]])
}

// arrives is a browser at the issuer, in which somebody signs in.
func arrives(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, neg, len(args) == 4, "arrives ADDRESS E-MAIL CODE STATE")
	account := oauthtest.Account{Subject: "sub " + args[1], Email: args[1], EmailVerified: true}
	back, err := sceneOf(ts).issuer.SignIn(args[0], account)
	ts.Check(err)
	ts.Setenv(args[2], back.Get("code"))
	ts.Setenv(args[3], back.Get("state"))
}
