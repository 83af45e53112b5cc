package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/authbridge/authbridge/admin"
	"github.com/authbridge/authbridge/config"
	"github.com/authbridge/authbridge/internal/doctor"
)

// verifyWithin is how long a look at the audit log may take; the whole of a
// long one is looked through by a command of its own.
const verifyWithin = 15 * time.Second

// Examine implements [admin.Examiner].
func (d *Daemon) Examine(ctx context.Context) admin.Findings {
	// A reload may take its time, and is no reason not to look.
	calls := d.calls.Load()
	cfg, uid := calls.cfg, uint32(os.Geteuid()) //nolint:gosec // G115: a uid has 32 bits
	atProviders, atResources := make(chan []admin.Finding, 1), make(chan []admin.Finding, 1)
	inSlack, inDiscord := make(chan []admin.Finding, 1), make(chan []admin.Finding, 1)
	go func() { atResources <- doctor.Resources(ctx, cfg, calls.client) }()
	go func() { atProviders <- doctor.Providers(ctx, cfg, calls.client) }()
	go func() { inSlack <- doctor.Slack(ctx, cfg, calls.client) }()
	go func() { inDiscord <- doctor.Discord(ctx, cfg, calls.client) }()
	found := slices.Concat(
		asOnDisk(cfg), []admin.Finding{d.stored(ctx), d.audited(ctx)},
		doctor.Files(cfg, uid), doctor.Certificate(cfg, time.Now()), doctor.Reach(cfg), agentsCome(ctx, cfg.Listen.Socket), d.inboxAnswers(ctx), doctor.Rules(cfg, uid), <-inSlack, <-inDiscord, d.chats.health(), <-atProviders, <-atResources,
	)
	return admin.Findings{Version: d.Version, File: cfg.File, Findings: found}
}

// asOnDisk compares the configuration with its file as it is now.
func asOnDisk(cfg *config.Config) []admin.Finding {
	if cfg.File == "" {
		return []admin.Finding{doctor.File(cfg)}
	}
	now, err := config.Load(cfg.File, config.SystemEnv())
	if err != nil {
		return append(doctor.Faults(err), doctor.Warn("config", "mend the file", "the bridge goes on with what it read before, and would not start again"))
	}
	if config.Same(cfg, now) {
		return []admin.Finding{doctor.File(cfg)}
	}
	if err := config.CheckReload(cfg, now); err != nil {
		return []admin.Finding{doctor.Warn("config", "restart the bridge", "%s was changed since the bridge read it, in what needs a restart", cfg.File)}
	}
	return []admin.Finding{doctor.Warn("config", fmt.Sprintf("kill -HUP %d", os.Getpid()), "%s was changed since the bridge read it", cfg.File)}
}

// stored counts what the store holds.
func (d *Daemon) stored(ctx context.Context) admin.Finding {
	tally, err := d.bridge.Tally(ctx)
	if err == nil {
		err = d.storeTakes(ctx)
	}
	if err != nil {
		return doctor.Fail("store", "look at the disk and at the bridge's log", "cannot be read and written: %v", err)
	}
	kind, size := d.cfg.Store.Kind, int64(0)
	if info, err := os.Stat(d.cfg.Store.Path); err == nil {
		size = info.Size()
	}
	text := fmt.Sprintf("%s, %s open, %s, %s", kind, many(tally.Open, "request"), many(tally.Grants, "grant"), doctor.Size(uint64(max(size, 0))))
	if tally.Unreadable > 0 {
		return doctor.Warn("store", "a version of the bridge that knows them may have written them; else put a backup back", "%s; %s cannot be read", text, many(tally.Unreadable, "record"))
	}
	return doctor.OK("store", "%s", text)
}

func many(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// audited looks through the audit log.
func (d *Daemon) audited(ctx context.Context) admin.Finding {
	ctx, cancel := context.WithTimeout(ctx, verifyWithin)
	defer cancel()
	report, err := d.bridge.VerifyAudit(ctx)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return doctor.Warn("audit", "authbridge audit --verify", "the log is long, and was not looked through to its end")
	case err != nil:
		return doctor.Fail("audit", "look at the disk and at the bridge's log", "the log cannot be read: %v", err)
	case report.Fault != nil:
		return doctor.Fail("audit", report.Fault.Do, "the chain is broken from line %d on: %s", report.Fault.Seq, report.Fault.What)
	case report.First > report.Last:
		return doctor.OK("audit", "no lines yet")
	}
	return doctor.OK("audit", "chain whole, lines %d to %d", report.First, report.Last)
}

// inboxWithin is how long our own page may take.
const inboxWithin = 5 * time.Second

// agentsCome looks whether the agents' socket leads anywhere: whatever tidies
// its directory takes it away from under a bridge that goes on.
func agentsCome(ctx context.Context, socket string) []admin.Finding {
	ctx, cancel := context.WithTimeout(ctx, inboxWithin)
	defer cancel()
	c, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return []admin.Finding{doctor.Fail("agents", "restart the bridge, and look who else tidies that directory", "nobody can come to their socket: %v", err)}
	}
	_ = c.Close() // nothing was said
	return nil
}

// inboxAnswers calls the inbox where links to it lead.
func (d *Daemon) inboxAnswers(ctx context.Context) []admin.Finding {
	at := d.base()
	switch {
	case d.inbox == nil:
		return nil // what that means is said of the humans
	case at == "":
		return []admin.Finding{doctor.Fail("inbox", "set listen.sign_in and public_url, or listen.web to an address on loopback",
			"nobody can come in: it is not on loopback, and nobody could sign in beyond")}
	}
	ctx, cancel := context.WithTimeout(ctx, inboxWithin)
	defer cancel()
	status, err := statusAt(ctx, at+"/")
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case untrusted && at == d.inboxAt: // the name in it is for others, and it is we who answer
	case err != nil:
		return []admin.Finding{doctor.Fail("inbox", "look at listen.web, public_url, and what stands between them", "does not answer at %s: %v", at, err)}
	case status != http.StatusOK:
		return []admin.Finding{doctor.Fail("inbox", "look at the bridge's log, and at the proxy's if there is one", "answers at %s with HTTP %d", at, status)}
	}
	return []admin.Finding{doctor.OK("inbox", "answers at %s", at)}
}

// statusAt fetches a page and drops it.
func statusAt(ctx context.Context, url string) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	browser := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment}}
	answer, err := browser.Do(r)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}
