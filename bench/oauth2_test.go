//go:build unix

package bench

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
)

// playOAuth2 is what a program does without a bridge: for each grant a
// goroutine in golang.org/x/oauth2, on one client with a tuned transport.
// They begin spread over one cadence.
func playOAuth2(ctx context.Context, t task) (func(command) report, error) {
	ctx = context.WithValue(ctx, oauth2.HTTPClient, tuned())
	cfg := &oauth2.Config{
		ClientID: "authbridge",
		Endpoint: oauth2.Endpoint{TokenURL: "http://" + t.Issuer + "/token", AuthStyle: oauth2.AuthStyleInParams},
	}
	var dead atomic.Int64
	wait := func(number int) {
		now := time.Now()
		_, _ = cfg.DeviceAccessToken(ctx, &oauth2.DeviceAuthResponse{
			DeviceCode: deviceCode(number, now.UnixNano()),
			Interval:   int64(t.Cadence / time.Second), Expiry: now.Add(longestLife),
		})
		dead.Add(1)
	}
	go func() {
		began := time.Now()
		for i := range t.Grants {
			if until := time.Until(began.Add(time.Duration(i) * t.Cadence / time.Duration(t.Grants))); until > 0 {
				<-time.After(until)
			}
			go wait(i)
		}
	}()
	return func(command) report { return report{Dead: dead.Load()} }, nil
}
