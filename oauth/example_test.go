package oauth_test

import (
	"context"
	"fmt"
	"time"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/oauth"
	"github.com/authbridge/authbridge/oauth/oauthtest"
)

// A device grant from the code to the account behind it. Here the provider is
// a fake one inside the process, and its human is quick.
func Example() {
	issuer := oauthtest.New(oauthtest.Settings{Interval: time.Millisecond})
	provider, err := oauth.New(oauth.Config{Issuer: issuer.URL(), ClientID: "client"}, issuer.Client())
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	code, err := provider.Begin(ctx, bridge.CodeRequest{Scopes: []string{"openid", "email"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("the human goes to", code.VerificationURI)
	human := oauthtest.Account{Subject: "4711", Email: "alice@example.com", EmailVerified: true}
	if err := issuer.Approve(code.UserCode.Reveal(), human); err != nil {
		fmt.Println(err)
		return
	}
	<-time.After(code.Interval)
	answer, err := provider.Poll(ctx, code)
	if err != nil {
		fmt.Println(err)
		return
	}
	if answer.Verdict != bridge.PollGranted {
		fmt.Println("not granted yet")
		return
	}
	account, err := provider.Identify(ctx, answer.Tokens, time.Now())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("granted by", account.Shown())
	// Output:
	// the human goes to https://login.issuer.test/device
	// granted by alice@example.com
}
