package main

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/authbridge/authbridge/oauth/oauthtest"
)

func issuer(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, neg, len(args) == 1, "issuer VARIABLE")
	s := sceneOf(ts)
	s.issuer = oauthtest.New(oauthtest.Settings{ClientID: "authbridge", ClientSecret: "hunter2", Callback: publicCallback})
	ts.Setenv(args[0], s.issuer.Start(s.t))
}

func complains(ts *testscript.TestScript, neg bool, args []string) {
	wants(ts, neg, len(args) == 1 || len(args) == 2, "complains CODE [WORDS]")
	fault := oauthtest.Fault{}
	if args[0] != "" {
		text, err := strconv.Unquote(`"` + strings.Join(args[1:], "") + `"`)
		ts.Check(err)
		body, err := json.Marshal(map[string]string{"error": args[0], "error_description": text})
		ts.Check(err)
		fault = oauthtest.JSON(400, string(body))
	}
	sceneOf(ts).issuer.Always(oauthtest.Device, fault)
}
