package config_test

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/authbridge/authbridge/bridge"
	"github.com/authbridge/authbridge/config"
)

// wrong is a file with one fault.
type wrong struct {
	name string
	text string
	want string // the fault, without its hint
}

func checkWrong(t *testing.T, cases []wrong) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			faults := faultsOf(t, c.text, environment("S", "hush"))
			if len(faults.List) != 1 {
				t.Errorf("%d faults, not one:\n%v", len(faults.List), faults)
			}
			if got, _, _ := strings.Cut(faults.List[0].String(), "\n"); got != "  "+c.want {
				t.Errorf("got  %s\nwant   %s", got, c.want)
			}
		})
	}
}

func provider(settings string) string {
	return "providers:\n  corp: {issuer: https://login.example.com, client_id: a" + settings + "}\n"
}

func human(settings string) string {
	return "humans:\n  alice: {" + settings + "}\n"
}

func may(settings string) string {
	return "agents:\n  ci:\n    uid: 7\n    may:\n    - {" + settings + "}\n"
}

func TestValuesAreJudged(t *testing.T) {
	checkWrong(t, []wrong{
		{"relative state", "state_dir: state", "1: state_dir: not an absolute path"},
		{"home is not expanded", "state_dir: ~/state", "1: state_dir: not an absolute path"},
		{"empty text", `state_dir: ""`, "1: state_dir: is empty"},
		{"long socket path", "listen: {socket: /" + strings.Repeat("s", 103) + ", admin: /a}", "1: listen.socket: 104 bytes long; the path of a socket has at most 103"},
		{"sockets in one place", "listen: {socket: /run/a.sock, admin: /run/./a.sock}", "1: listen.admin: the same as listen.socket"},
		{"socket where the admin socket is by default", "listen: {socket: /run/admin.sock}", "1: listen.admin: the same as listen.socket"},
		{"inbox and health in one place", "listen: {web: '127.0.0.1:8742'}", "1: listen.ops: the same as listen.web"},
		{"store over the key", "store: bolt:/x\nseal: file:/x", "2: seal: the same as store"},
		{"all interfaces", "listen: {ops: ':8742'}", "1: listen.ops: can be reached from other machines, which it has no protection for"},
		{"a name that may lead anywhere", "listen: {web: 'bridge.internal:80'}", "1: listen.web: can be reached from other machines, which needs listen.tls or listen.trusted_proxy"},
		{"named port", "listen: {web: 'localhost:http'}", "1: listen.web: not an address"},
		{"port out of range", "listen: {web: 'localhost:65536'}", "1: listen.web: not an address"},
		{"no port", "listen: {web: localhost}", "1: listen.web: not an address"},
		{"nothing for an address", "listen: {web: }", "1: listen.web: has no value"},
		{"group", "listen: {socket_group: agnets}", `1: listen.socket_group: no group called "agnets" on this machine`},
		{"store", "store: bold", "1: store: a store that is not known"},
		{"store in a relative file", "store: bolt:x.db", "1: store: not an absolute path"},
		{"store without a path", "store: 'bolt:'", "1: store: not an absolute path"},
		{"seal in the environment", "seal: env:KEY", "1: seal: does not name a file"},
		{"level", "log: {level: warning}", "1: log.level: not known"},
		{"all of the network", "network: {allow_private: [0.0.0.0/0]}", "1: network.allow_private[0]: not within one private range"},
		{"metadata service", "network: {allow_private: [169.254.169.254/32]}", "1: network.allow_private[0]: not within one private range"},
		{"mapped address", "network: {allow_private: ['::ffff:10.0.0.0/104']}", "1: network.allow_private[0]: not within one private range"},
		{"truth in words", "network: {allow_http_loopback: on}", "1: network.allow_http_loopback: text where true or false belongs"},
		{"count", "request: {max_open_per_human: 0}", "1: request.max_open_per_human: not a whole number from 1 to 10000"},
		{"fraction", "request: {max_open_per_human: 1.5}", "1: request.max_open_per_human: not a whole number from 1 to 10000"},
		{"a claim without an end", "request: {claim: 25h}", "1: request.claim: too long"},
		{"no claim", "request: {claim: 0}", "1: request.claim: too short"},
		{"quiet for ever", "request: {quiet_after_denied: 31d}", "1: request.quiet_after_denied: too long"},
		{"no audit", "audit_retain: 0", "1: audit_retain: too short"},
		{"reminders in two days", "request: {remind: 2d}", "1: request.remind: too long"},
		{"reminders after the end", "request: {remind: 1h, ttl: 1h}", "1: request.remind: not shorter than a request waits, so nobody would be reminded"},
		{"count in quotes", "request: {max_open_per_human: '5'}", "1: request.max_open_per_human: text where a number belongs"},
		{"list for a mapping", "request: []", "1: request: a list where a mapping of keys to values belongs"},
		{"path as a list", "state_dir: [a]", "1: state_dir: a list where text belongs"},
		{"store as a number", "store: 7", "1: store: a number where text belongs"},
		{"section without anything", "humans:\n", "1: humans: has no value"},
		{"human without anything", "humans:\n  bob:\n", "2: humans: a name without a value"},
		{"file that is a list", "- a", "1: a list where a mapping of keys to values belongs"},
		{"file that is text", "hello", "1: text where a mapping of keys to values belongs"},
	})
}

func TestProvidersAreJudged(t *testing.T) {
	checkWrong(t, []wrong{
		{"no issuer", "providers: {corp: {client_id: a}}", "1: providers.corp: has no issuer"},
		{"no client", "providers: {corp: {issuer: https://a.example}}", "1: providers.corp: has no client_id"},
		{"empty client", "providers: {corp: {issuer: https://a.example, client_id: ''}}", "1: providers.corp.client_id: is empty"},
		{"client as number", "providers: {corp: {issuer: https://a.example, client_id: 7}}", "1: providers.corp.client_id: a number where text belongs"},
		{"issuer without scheme", "providers: {corp: {issuer: a.example, client_id: a}}", "1: providers.corp.issuer: not the URL of an issuer"},
		{"issuer without host", "providers: {corp: {issuer: 'https://:80', client_id: a}}", "1: providers.corp.issuer: not the URL of an issuer"},
		{"issuer by another scheme", "providers: {corp: {issuer: 'javascript://a.example', client_id: a}}", "1: providers.corp.issuer: not the URL of an issuer"},
		{"issuer with a fragment", "providers: {corp: {issuer: 'https://a.example#', client_id: a}}", "1: providers.corp.issuer: an issuer's URL has no query and no fragment"},
		{"issuer with an empty query", "providers: {corp: {issuer: 'https://a.example?', client_id: a}}", "1: providers.corp.issuer: an issuer's URL has no query and no fragment"},
		{"issuer with a password", "providers: {corp: {issuer: 'https://u:p@a.example', client_id: a}}", "1: providers.corp.issuer: an issuer's URL has no user and no password"},
		{"issuer in clear", "network: {allow_http_loopback: true}\nproviders: {corp: {issuer: 'http://a.example', client_id: a}}", "2: providers.corp.issuer: http, but tokens travel over https only"},
		{"issuer that only looks like loopback", "network: {allow_http_loopback: true}\nproviders: {corp: {issuer: 'http://127.0.0.1.a.example', client_id: a}}", "2: providers.corp.issuer: http, but tokens travel over https only"},
		{"loopback without leave", "providers: {corp: {issuer: 'http://[::1]:9', client_id: a}}", "1: providers.corp.issuer: http on loopback is not allowed"},
		{"a line indented by mistake", "providers:\n  corp:\n    issuer: https://a.example\n    client_id: a\n      b: c\n", "4: not YAML: a key, a value or an indentation is out of place"},
		{"same client twice", "providers:\n  a: {issuer: https://a.example, client_id: a}\n  b: {issuer: https://a.example, client_id: a}", "3: providers.b: the same issuer and client_id as providers.a, so it would be open whose accounts and grants are whose"},
		{"secret and none", provider(", client_secret: env:S, token_endpoint_auth_method: none"), "2: providers.corp.token_endpoint_auth_method: none, but there is a client_secret"},
		{"basic and no secret", provider(", token_endpoint_auth_method: client_secret_basic"), "2: providers.corp.token_endpoint_auth_method: client_secret_basic needs a client_secret"},
		{"a line glued to the client by its indentation", "providers:\n  corp:\n    issuer: https://a.example\n    client_id: a\n      secret=b\n", "4: providers.corp.client_id: has a space or an invisible character in it"},
		{"scope words in a list", provider(", scope_words: [a]"), "2: providers.corp.scope_words: a list where a mapping of keys to values belongs"},
		{"scope without words", provider(", scope_words: {a}"), "2: providers.corp.scope_words: a key without a value"},
		{"key without a value", provider(", hush"), "2: providers.corp: a key that is not known, without a value"},
		{"method as a number", provider(", token_endpoint_auth_method: 1"), "2: providers.corp.token_endpoint_auth_method: a number where text belongs"},
		{"provider as text", "providers: {corp: https://a.example}", "1: providers.corp: text where a mapping of keys to values belongs"},
		{"loopback while its leave is open", "network: {allow_http_loopback: 1}\nproviders: {corp: {issuer: 'http://[::1]:9', client_id: a}}", "1: network.allow_http_loopback: a number where true or false belongs"},
		{"a certificate, and none", provider(", token_endpoint_auth_method: tls_client_auth"), "2: providers.corp.client_certificate: tls_client_auth needs it"},
		{"a key, and none", provider(", token_endpoint_auth_method: private_key_jwt"), "2: providers.corp.client_key: private_key_jwt needs it"},
		{"a key for nothing", provider(", client_key_id: k"), "2: providers.corp.client_key_id: nothing uses it"},
		{"a method mistyped", provider(", token_endpoint_auth_method: private_key_jwk"), `2: providers.corp.token_endpoint_auth_method: not known; did you mean "private_key_jwt"?`},
		{"scope with a space", provider(", scopes: ['a b']"), "2: providers.corp.scopes[0]: not a scope"},
		{"scopes in one text", provider(", scopes: openid"), "2: providers.corp.scopes: text where a list belongs"},
		{"scope words in lines", provider(`, scope_words: {a: "b\nc"}`), "2: providers.corp.scope_words.a: has a line break or an invisible character in it"},
		{"scope words that hide", provider(`, scope_words: {a: "b\u202ec"}`), "2: providers.corp.scope_words.a: has a line break or an invisible character in it"},
		{"long scope words", provider(", scope_words: {a: " + strings.Repeat("w", 201) + "}"), "2: providers.corp.scope_words.a: longer than 200 characters"},
		{"trust", provider(", trust: nobody"), "2: providers.corp.trust: not known"},
		{"trust by half", provider(", trust: first-use"), `2: providers.corp.trust: not known; did you mean "first_use"?`},
		{"unknown profile", "providers: {github: {profile: githbu, client_id: a}}", `1: providers.github.profile: not known; did you mean "github"?`},
		{"profile without a client", "providers: {github: {profile: github}}", "1: providers.github: has no client_id"},
		{"an issuer where the profile has one", "providers: {github: {profile: github, client_id: a, issuer: https://github.example.com}}", "1: providers.github.issuer: the profile github has its own issuer, https://github.com/login/oauth"},
		{"a key of another profile", "providers: {github: {profile: github, client_id: a, host: github.example.com}}", "1: providers.github.host: the profile github does not take it"},
		{"a key of a profile without one", provider(", tenant: a"), "2: providers.corp.tenant: the profile generic does not take it"},
		{"resource in another word", provider(", resource: none"), "2: providers.corp.resource: not known"},
		{"a parameter of the bridge's", provider(", parameters: {scope: repo}"), "2: providers.corp.parameters.scope: not for the file to say: the bridge sets it itself, or has no use for it"},
		{"a secret as a parameter", provider(", parameters: {client_secret: hush}"), "2: providers.corp.parameters.client_secret: not for the file to say: the bridge sets it itself, or has no use for it"},
		{"audience with a space", provider(", audience: 'a b'"), "2: providers.corp.audience: has a space or an invisible character in it"},
		{"provider for all", "providers: {'*': {issuer: https://a.example, client_id: a}}", "1: providers.?: not a name"},
	})
}

func TestHumansAreJudged(t *testing.T) {
	corp := provider("")
	checkWrong(t, []wrong{
		{"nobody", "humans: {}\nagents: {}", "1: humans: nobody is here, so nobody could be asked"},
		{"name with a space", "humans: {alice smith: {}}", "1: humans.?: not a name"},
		{"e-mail", human("email: alice"), "2: humans.alice.email: not an e-mail address"},
		{"e-mail with a name", human("email: 'A <a@example.com>'"), "2: humans.alice.email: not an e-mail address"},
		{"time zone", human("timezone: Berlin"), "2: humans.alice.timezone: not a time zone"},
		{"a file for a time zone", human("timezone: ../../etc/passwd"), "2: humans.alice.timezone: not a time zone"},
		{"whatever is local", human("timezone: Local"), "2: humans.alice.timezone: not a time zone"},
		{"no time zone", human("timezone: ''"), "2: humans.alice.timezone: is empty"},
		{"a way that is not there", human("slack: U024BE7LH, via: [web, slack]"), "2: humans.alice.via: slack, but the bridge has no app there"},
		{"a way twice", human("via: [web, web]"), "2: humans.alice.via[1]: web is in it twice"},
		{"an inbox that is off", "listen: {web: ''}\n" + human("via: [web]"), "3: humans.alice.via: web, but listen.web is off"},
		{"Slack name", human("slack: '@alice'"), "2: humans.alice.slack: that is a name; a Slack user id looks like U024BE7LH"},
		{"Slack channel", human("slack: C0123456"), `2: humans.alice.slack: "C0123456" is not a user's; a Slack user id looks like U024BE7LH`},
		{"Discord name", human("discord: alice"), `2: humans.alice.discord: "alice" is not an id; a Discord user id has 17 to 20 digits`},
		{"a way that leads nowhere", human("via: [web, discord]"), "2: humans.alice.via: discord, but the bridge has no application there"},
		{"unknown way", human("via: [wbe]"), `2: humans.alice.via[0]: not known; did you mean "web"?`},
		{"no way", human("via: []"), "2: humans.alice.via: no way to reach this human"},
		{"one e-mail for two", "humans:\n  a: {email: a@example.com}\n  b: {email: A@EXAMPLE.com}", "3: humans.b.email: the same as humans.a's, so it would be open who is meant"},
		{"one Slack user for two", "humans:\n  z: {slack: U024BE7LH}\n  a: {slack: U024BE7LH}", "3: humans.a.slack: the same as humans.z's, so it would be open who is meant"},
		{"one account for two", corp + "humans:\n  a: {accounts: {corp: 'sub:1'}}\n  b: {accounts: {'https://login.example.com': 'sub:1'}}", `5: humans.b.accounts."https://login.example.com": the same as humans.a's, so it would be open who is meant`},
		{"two accounts at one issuer", corp + human("accounts: {corp: 'sub:1', 'https://login.example.com': 'sub:2'}"), `4: humans.alice.accounts."https://login.example.com": a second account at the same issuer`},
		{"account at nobody's", corp + human("accounts: {crop: 'sub:1'}"), `4: humans.alice.accounts.crop: no provider called "crop"; did you mean "corp"?`},
		{"account in clear", human("accounts: {'http://a.example': 'sub:1'}"), `2: humans.alice.accounts."http://a.example": http, but tokens travel over https only`},
		{"empty subject", corp + human("accounts: {corp: 'sub:'}"), "4: humans.alice.accounts.corp: sub: is not followed by anything"},
		{"empty id", corp + human("accounts: {corp: 'id:'}"), "4: humans.alice.accounts.corp: id: is not followed by anything"},
		{"one account in two words", corp + "humans:\n  a: {accounts: {corp: 'sub:aB'}}\n  b: {accounts: {corp: 'id:aB'}}", "5: humans.b.accounts.corp: the same as humans.a's, so it would be open who is meant"},
		{"account in no way", corp + human("accounts: {corp: 'user:octo'}"), "4: humans.alice.accounts.corp: no account"},
		{"account by login", corp + human("accounts: {corp: octo}"), "4: humans.alice.accounts.corp: a login, which this provider does not tell"},
	})
}

func TestAgentsAreJudged(t *testing.T) {
	checkWrong(t, []wrong{
		{"no uid", "agents: {ci: {}}", "1: agents.ci: has no uid and no key_hash, so nobody could be this agent"},
		{"negative uid", "agents: {ci: {uid: -1}}", "1: agents.ci.uid: not a whole number from 0 to 4294967294"},
		{"nobody in particular", "agents: {ci: {uid: 4294967295}}", "1: agents.ci.uid: not a whole number from 0 to 4294967294"},
		{"everybody who has no number", "agents: {ci: {uid: 65534}}", "1: agents.ci.uid: what the kernel shows for every user that it cannot name, so anybody could be this agent"},
		{"one uid for two", "agents:\n  b: {uid: 7}\n  a: {uid: 7}", "3: agents.a.uid: the same as agents.b's, so it would be open who is asking"},
		{"owner", "agents: {ci: {uid: 7, owner: operater}}", `1: agents.ci.owner: no human called "operater"; did you mean "operator"?`},
		{"where in lines", `agents: {ci: {uid: 7, where: "a\nb"}}`, "1: agents.ci.where: has a line break or an invisible character in it"},
		{"rules that are no list", "agents: {ci: {uid: 7, may: {provider: '*'}}}", "1: agents.ci.may: a mapping of keys to values where a list belongs"},
		{"rule that is nothing", "agents: {ci: {uid: 7, may: [null]}}", "1: agents.ci.may[0]: has no value"},
		{"rule without a provider", may("scopes: ['*'], ask: [operator]"), "5: agents.ci.may[0]: names no provider and no resource"},
		{"rule with an unknown provider", may("provider: corp, scopes: ['*'], ask: [operator]"), `5: agents.ci.may[0].provider: no provider called "corp"`},
		{"rule for a provider and a resource", may("provider: '*', resource: 'https://a.example/**', scopes: ['*'], ask: [operator]"), "5: agents.ci.may[0].resource: given together with provider, so it would be open what may be asked for"},
		{"rule for what is no resource", may("resource: 'https://a.example/?q', scopes: ['*'], ask: [operator]"), "5: agents.ci.may[0].resource: not the URL of a resource: it has a query or a fragment; a resource is named without"},
		{"rule without scopes", may("provider: '*', ask: [operator]"), "5: agents.ci.may[0]: names no scopes, so it would allow nothing"},
		{"rule with no scopes", may("provider: '*', scopes: [], ask: [operator]"), "5: agents.ci.may[0].scopes: is empty, so the rule would allow nothing"},
		{"star inside", may("provider: '*', scopes: ['a*b'], ask: [operator]"), "5: agents.ci.may[0].scopes[0]: a star anywhere but at the end"},
		{"two stars", may("provider: '*', scopes: ['a**'], ask: [operator]"), "5: agents.ci.may[0].scopes[0]: a star anywhere but at the end"},
		{"default beyond the rule", may("provider: '*', scopes: ['read:*'], default_scopes: [write], ask: [operator]"), `5: agents.ci.may[0].default_scopes: "write" is not within the rule's scopes`},
		{"default pattern", may("provider: '*', scopes: ['*'], default_scopes: ['*'], ask: [operator]"), "5: agents.ci.may[0].default_scopes[0]: a pattern, but what is asked for by default is named in full"},
		{"nobody to ask", may("provider: '*', scopes: ['*']"), "5: agents.ci.may[0]: says nobody to ask"},
		{"nobody in the list", may("provider: '*', scopes: ['*'], ask: []"), "5: agents.ci.may[0].ask: is empty, so there is nobody to ask"},
		{"somebody else", may("provider: '*', scopes: ['*'], ask: [operator, mallory]"), `5: agents.ci.may[0].ask: no human or team called "mallory"`},
		{"negative reuse", may("provider: '*', scopes: ['*'], ask: [operator], reuse: -1s"), "5: agents.ci.may[0].reuse: too short"},
		{"code", may("provider: '*', scopes: ['*'], ask: [operator], code: atonce"), `5: agents.ci.may[0].code: not known; did you mean "at_once"?`},
		{"binding", may("provider: '*', scopes: ['*'], ask: [operator], binding: true"), "5: agents.ci.may[0].binding: true or false where text belongs"},
		{"a code before the digits", may("provider: '*', scopes: ['*'], ask: [operator], code: at_once, binding: require"), "5: agents.ci.may[0].code: at_once, but with binding: require no code is made before the digits are typed"},
		{"approval", may("provider: '*', scopes: ['*'], ask: [operator], approve: {team: x, count: 2}"), "5: agents.ci.may[0].approve: not in this version"},
		{"the implied human is gone once humans are named", human("") + may("provider: '*', scopes: ['*'], ask: [operator]"), `7: agents.ci.may[0].ask: no human or team called "operator"`},
	})
}

func team(settings string) string {
	return "teams:\n  ops: {" + settings + "}\n"
}

func TestTeamsAreJudged(t *testing.T) {
	ops := team("members: [operator]")
	checkWrong(t, []wrong{
		{"no members", team(""), "2: teams.ops: has no members"},
		{"empty", team("members: []"), "2: teams.ops.members: is empty, so there is nobody to ask"},
		{"one text", team("members: operator"), "2: teams.ops.members: text where a list belongs"},
		{"not a human", team("members: [operator, operatr]"), `2: teams.ops.members: no human called "operatr"; did you mean "operator"?`},
		{"a team in a team", ops + "  all: {members: [operator, ops]}", `3: teams.all.members: no human called "ops"`},
		{"double", team("members: [operator, operator]"), `2: teams.ops.members: "operator" is in it twice`},
		{"a human's name", "humans: {ann: {}}\nteams: {ann: {members: [ann]}}", "2: teams.ann: a human has this name too, so it would be open who is asked"},
		{"the implied human's name", "teams: {operator: {members: [operator]}}", "1: teams.operator: a human has this name too, so it would be open who is asked"},
		{"name", "teams: {On-Call: {members: [operator]}}", "1: teams.On-Call: not a name"},
		{"no Slack for its channel", team("members: [operator], slack: C0123456"), "2: teams.ops.slack: the bridge has no app in Slack"},
		{"no Slack for its group", team("slack_group: S0123456"), "2: teams.ops.slack_group: the bridge has no app in Slack"},
		{"Discord channel", team("members: [operator], discord: '112233445566778899'"), "2: teams.ops.discord: the bridge has no application in Discord"},
		{"Discord role", team("discord_role: '112233445566778899'"), "2: teams.ops.discord_role: the bridge has no application in Discord"},
		{"a team that owns", ops + "agents: {ci: {uid: 7, owner: ops}}", `3: agents.ci.owner: no human called "ops"`},
		{"nobody of that name", ops + may("provider: '*', scopes: ['*'], ask: [opps]"), `7: agents.ci.may[0].ask: no human or team called "opps"; did you mean "ops"?`},
		{"long reuse", ops + may("provider: '*', scopes: ['*'], ask: [ops], reuse: 4h1s"), "7: agents.ci.may[0].reuse: longer than 4h, and the rule lets a team be asked"},
		{"long reuse beside a human", ops + may("provider: '*', scopes: ['*'], ask: [operator, ops], reuse: 8h"), "7: agents.ci.may[0].reuse: longer than 4h, and the rule lets a team be asked"},
		{"bad reuse", ops + may("provider: '*', scopes: ['*'], ask: [ops], reuse: 4"), "7: agents.ci.may[0].reuse: not a duration"},
		{"a code for all of them", ops + may("provider: '*', scopes: ['*'], ask: [operator, ops], code: at_once"), "7: agents.ci.may[0].code: at_once, but the rule lets a team be asked, and a code is for one human"},
	})
}

// TestReuseOfTeams: who does not say how long gets the longest that there is
// for a team, and nothing else gets shorter.
func TestReuseOfTeams(t *testing.T) {
	rule := func(ask string) string { return "    - {provider: '*', scopes: ['*'], ask: [" + ask + "}\n" }
	c := mustParse(t, team("members: [operator]")+"agents:\n  ci:\n    uid: 7\n    may:\n"+
		rule("operator]")+rule("ops]")+rule("operator, ops]")+rule("ops], reuse: 4h")+rule("ops], reuse: 0"), environment())
	for i, want := range []time.Duration{8 * time.Hour, 4 * time.Hour, 4 * time.Hour, 4 * time.Hour, 0} {
		if got := c.Directory.Agents["ci"].May[i].Reuse; got != want {
			t.Errorf("rule %d: reuse %s, want %s", i, got, want)
		}
	}
}

// TestTheImpliedAgentMayAskTeams: whoever runs the daemon may ask everybody,
// and what a team gives is reused no longer than anywhere else.
func TestTheImpliedAgentMayAskTeams(t *testing.T) {
	c := mustParse(t, "teams: {ops: {members: [operator]}, all: {members: [operator]}}", environment())
	want := []bridge.Rule{
		{Provider: "*", Scopes: []string{"*"}, Ask: []string{"operator"}, Reuse: 8 * time.Hour},
		{Provider: "*", Scopes: []string{"*"}, Ask: []string{"all", "ops"}, Reuse: 4 * time.Hour},
	}
	if diff := cmp.Diff(want, c.Directory.Agents["local"].May); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestKeysAreJudged(t *testing.T) {
	checkWrong(t, []wrong{
		{"near", "humans: {alice: {emial: a@example.com}}", `1: humans.alice.emial: unknown key; did you mean "email"?`},
		{"in the wrong place", "ttl: 24h", "1: ttl: unknown key here"},
		{"far from all", "request: {colour: blue}", "1: request.colour: unknown key"},
		{"case counts", "Store: bolt", `1: Store: unknown key; did you mean "store"?`},
		{"twice", "store: bolt\nstore: bolt", "2: store: given twice; the first is on line 1"},
		{"name twice", "humans:\n  a: {}\n  b: {}\n  a: {}", "4: humans.a: given twice; the first is on line 2"},
		{"twice in quotes", "store: bolt\n\"store\": bolt", "2: store: given twice; the first is on line 1"},
		{"later section with anything in it", "agents: {a: {uid: 7, may: [{provider: '*', scopes: ['*'], ask: [operator], approve: {whatever: [1, 2]}}]}}", "1: agents.a.may[0].approve: not in this version"},
		{"not a key at all", "\"a b\": c", "1: ?: unknown key"},
	})
}

func TestYAMLIsRefused(t *testing.T) {
	deep := "a: " + strings.Repeat("[", 40) + strings.Repeat("]", 40)
	var stairs strings.Builder
	for i := range 40 {
		fmt.Fprintf(&stairs, "%sa:\n", strings.Repeat(" ", i))
	}
	checkWrong(t, []wrong{
		{"tab", "log:\n\tlevel: info", "2: a tab where YAML wants spaces"},
		{"quote", "log:\n  level: \"info\nstore: bolt\n", "2: a quote that is not closed"},
		{"bracket", "log: {level: info\nstore: bolt\n", "2: a bracket that is not closed or not opened, or a missing comma"},
		{"escape", `store: "\q"`, "1: an unknown escape in double quotes"},
		{"reserved", "store: @bolt", "1: text that begins with a character that YAML reserves"},
		{"anchor", "log: &log {level: info}", "1: an anchor, which is not read here"},
		{"star without quotes", may("provider: *, scopes: [a], ask: [operator]"), "5: an alias, which is not read here"},
		{"merge key", "log:\n  <<: {level: info}", "2: a merge key, which is not read here"},
		{"tag", "store: !!str bolt", "1: a tag, which is not read here"},
		{"directive", "%YAML 1.2\nstore: bolt", "1: a directive, which is not read here"},
		{"complex key", "? store\n: bolt", "1: a key that begins with a question mark"},
		{"two documents", "store: bolt\n---\nstore: bolt", "2: a second document begins here"},
		{"a document after the end", "store: bolt\n...\nstore: bolt", "3: a second document begins here"},
		{"deep brackets", deep, "1: nested more than 32 deep"},
		{"deep blocks", stairs.String(), "33: nested more than 32 deep"},
		{"deep dashes", "a:\n  " + strings.Repeat("- ", 40) + "b", "2: nested more than 32 deep"},
		{"Latin-1", "store: bolt\n# caf\xe9", "2: not UTF-8"},
		{"UTF-16", "\xff\xfes\x00t\x00", "1: not UTF-8"},
		{"NUL", "store: bolt\n\x00", "2: a control character (U+0000)"},
		{"escape sequence", "store: bolt # \x1b[2J", "1: a control character (U+001B)"},
		{"old line ends", "store: bolt\rseal: x", "1: a control character (U+000D)"},
	})
}

// TestHostileFilesAreBounded would take minutes and all memory if the file
// went to the library unseen.
func TestHostileFilesAreBounded(t *testing.T) {
	const size = 1 << 18 // enough to be past every bound, and quick under the race detector
	for _, piece := range []string{"[", "{a: ", "- ", "a: b\n", "\"", ":", ": ", "&a ", "!a ", "? ", "---\n", "%a\n", "a,", "'", "|\n", ">-\n ", "a: [*a]\n", "k: {\n"} {
		t.Run(piece, func(t *testing.T) {
			faults := faultsOf(t, strings.Repeat(piece, size/len(piece)), environment())
			if len(faults.List) > 201 {
				t.Errorf("%d faults", len(faults.List))
			}
		})
	}
	t.Run("too large", func(t *testing.T) {
		faults := faultsOf(t, strings.Repeat("#", 1<<20+1), environment())
		if got := faults.List[0].What; !strings.Contains(got, "1 MiB") {
			t.Error(got)
		}
	})
	t.Run("as many faults as there can be", func(t *testing.T) {
		var file strings.Builder
		for i := range 1_000 {
			fmt.Fprintf(&file, "key%d: 1\n", i)
		}
		faults := faultsOf(t, file.String(), environment())
		if got := faults.Summary(); got != "more than 200 faults in authbridge.yaml" {
			t.Error(got)
		}
		if last := faults.List[len(faults.List)-1]; len(faults.List) != 201 || last.Line != 0 {
			t.Errorf("%d faults, the last %v", len(faults.List), last)
		}
	})
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"24h": 24 * time.Hour, "30d": 720 * time.Hour, "1.5d": 36 * time.Hour, "1d30m": 24*time.Hour + 30*time.Minute, "1h30m": 90 * time.Minute, "1s": time.Second,
	} {
		c := mustParse(t, "request: {ttl: "+text+"}", environment())
		if got := c.Directory.Limits.TTL; got != want {
			t.Errorf("%s is %v, want %v", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"24": "not a duration", "24 h": "not a duration", "d": "not a duration", "1dd": "not a duration", "1h1d": "not a duration",
		"1d-1h": "not a duration", "+1d": "not a duration", "1..5d": "not a duration", "1w": "not a duration", "true": "true or false where text belongs",
		"0": "too short", "0s": "too short", "-1h": "too short", "999ms": "too short",
		"31d": "too long", "721h": "too long", "99999999d": "not a duration", "1e9h": "not a duration",
	} {
		faults := faultsOf(t, "request: {ttl: "+text+"}", environment())
		if got := faults.List[0].What; got != want || len(faults.List) != 1 {
			t.Errorf("%s: %v, want %q", text, faults, want)
		}
	}
}

// TestLimits shows that a limit given alone never clashes with a default.
func TestLimits(t *testing.T) {
	c := mustParse(t, "request: {max_open_per_human: 1}", environment())
	if got := c.Directory.Limits; got.MaxOpenPerHuman != 1 || got.MaxOpenPerAgentAndHuman != 3 {
		t.Errorf("limits %+v", got)
	}
	checkWrong(t, []wrong{{
		"out of reach", "request: {max_open_per_human: 1, max_open_per_agent_and_human: 2}",
		"1: request.max_open_per_agent_and_human: more than max_open_per_human, so it could never be reached",
	}})
}

func TestFaultsWithoutAFile(t *testing.T) {
	_, err := config.Empty(config.Env{})
	want := "  state_dir: not given, and neither STATE_DIRECTORY nor a home directory is known\n  hint: state_dir: /var/lib/authbridge"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// TestRulesCanPass: the borders of what is refused.
func TestRulesCanPass(t *testing.T) {
	for _, text := range []string{
		"listen: {web: 'localhost:1', ops: '127.8.8.8:0'}",
		"listen: {web: '', ops: ''}",
		"listen: {web: '127.0.0.1:0', ops: '127.0.0.1:0'}",
		"listen: {web: '[::ffff:127.0.0.1]:80'}",
		"listen: {socket: /" + strings.Repeat("s", 102) + ", admin: /a}",
		"network: {allow_http_loopback: true}\nproviders: {corp: {issuer: 'http://localhost:9/x/', client_id: a}}",
		"providers:\n  a: {issuer: https://a.example, client_id: a}\n  b: {issuer: https://a.example, client_id: b}",
		"providers: {a.b-c_d: {issuer: https://a.example, client_id: a, token_endpoint_auth_method: none}}",
		provider(", client_secret: env:S, token_endpoint_auth_method: client_secret_post"),
		"network: {allow_private: [10.0.0.0/8, 100.64.0.0/16, 127.0.0.1/32, 'fd00::/8', '::1/128']}",
		human("email: alice+x@sub.example.com, via: [web]"),
		"agents: {ci: {uid: 4294967294, owner: operator}}",
		may("provider: '*', scopes: ['read:*', b], default_scopes: ['read:a', b], ask: [operator], reuse: 0s"),
		may("provider: '*', scopes: ['*'], ask: [operator], reuse: 30d"),
		provider(", trust: configured"), provider(", trust: first_use"), provider(", trust: none"),
		provider("") + human("accounts: {corp: 'id:583231'}"),
		provider("") + "humans:\n  a: {accounts: {corp: 'sub:a'}}\n  b: {accounts: {corp: 'id:A'}}",
		may("provider: '*', scopes: ['*'], ask: [operator], code: at_once, binding: show"),
		may("provider: '*', scopes: ['*'], ask: [operator], code: on_click, binding: require"),
		team("members: [operator]") + may("provider: '*', scopes: ['*'], ask: [ops], binding: require"),
		"request: {claim: 1d, quiet_after_denied: 0}\naudit_retain: 3650d",
		"log:\n  level: warn\n  # in the middle\n\n  format: text\n...\n",
		"\"store\": 'bolt'",
		"{\"store\": \"bolt\", \"log\": {\"level\": \"error\"}}",
		"state_dir: |-\n  /srv/x",
	} {
		mustParse(t, text, environment("S", "hush"))
	}
}

func TestNoGroupsHere(t *testing.T) {
	env := environment()
	env.GroupID = nil
	faults := faultsOf(t, "listen: {socket_group: agents}", env)
	if got := faults.List[0].What; got != "there are no groups here" {
		t.Error(got)
	}
}

func TestSystemEnv(t *testing.T) {
	env := config.SystemEnv()
	if env.UID != uint32(os.Geteuid()) || env.Getenv("PATH") != os.Getenv("PATH") {
		t.Errorf("not this process: uid %d", env.UID)
	}
	if _, err := env.GroupID("no such group here"); err == nil {
		t.Error("there is a group with an impossible name")
	}
	group, err := user.LookupGroupId(strconv.Itoa(os.Getgid()))
	if err != nil {
		t.Skip("this process's group has no name")
	}
	if gid, err := env.GroupID(group.Name); err != nil || gid != uint32(os.Getgid()) {
		t.Errorf("group %s is %d, %v", group.Name, gid, err)
	}
}

// Whoever writes a user's name for a uid is told how to get the number.
func TestAUserByName(t *testing.T) {
	want := "  1: agents.ci.uid: text where a number belongs\n     hint: the number that `id -u NAME` prints"
	if got := faultsOf(t, "agents: {ci: {uid: helper, owner: operator}}", environment()).List[0].String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
