package e2e

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/authbridge/authbridge/api"
	"github.com/authbridge/authbridge/config"
)

// claim is a name of the contract with how it is met: by a test here that
// reaches it, or by a later issue.
type claim struct {
	thing
	by      string // the test
	later   int    // the issue
	refused kind   // until then: how it is refused; "" = it cannot be named to the bridge at all
}

// reachedBy claims that a test reaches these.
func reachedBy(test string, k kind, names ...string) (all []claim) {
	for _, name := range names {
		all = append(all, claim{thing: thing{k, name}, by: test})
	}
	return all
}

// reserved stands for an issue that is not written yet: the contract keeps the
// name for later.
const reserved = 999

// laterIn says which issue brings these.
func laterIn(issue int, k, refused kind, names ...string) (all []claim) {
	for _, name := range names {
		all = append(all, claim{thing: thing{k, name}, later: issue, refused: refused})
	}
	return all
}

// contract is every name that people and programs outside may rely on, in the
// order of the contract.
func contract() []claim {
	return slices.Concat(
		configurationOfContract(),
		apiOfContract(),
		commandsOfContract(),
		reachedBy("TestOneRequestWalksTheWholePath", button, "Show code", "Open <host>", "I have finished", "I did not ask for this", "Deny"),
		reachedBy("TestACodeLapsesAndAnotherIsShown", button, "Get a new code"),
		reachedBy("TestATeamClaims", button, "Claim", "Release", "Decline for the team"),
		reachedBy("TestSomebodyElsesAccountGrants", button, "Mine", "Not mine"),
		reachedBy("TestTakingBack", button, "Revoke"),
		reachedBy("TestAllowAgain", button, "Allow again"),
		reachedBy("TestShownAgain", button, "Show again"),
	)
}

func configurationOfContract() []claim {
	return slices.Concat(
		reachedBy("TestEveryKeyOfThisVersion", key,
			"state_dir", "store", "seal", "retain", "listen", "listen.socket", "listen.socket_group", "listen.admin", "listen.web", "listen.ops",
			"log", "log.level", "log.format", "network", "network.allow_http_loopback", "network.allow_private",
			"request", "request.ttl", "request.claim", "request.quiet_after_denied", "audit_retain", "request.collect_within", "request.collect_grace", "request.remind", "request.max_open_per_human", "request.max_open_per_agent_and_human",
			"providers", "providers.*.issuer", "providers.*.client_id", "providers.*.client_secret", "providers.*.token_endpoint_auth_method",
			"providers.*.scopes", "providers.*.scope_words", "providers.*.trust",
			"humans", "humans.*.email", "humans.*.slack", "humans.*.discord", "humans.*.via", "humans.*.timezone", "humans.*.accounts",
			"teams", "teams.*.members",
			"agents", "agents.*.uid", "agents.*.owner", "agents.*.where", "agents.*.may", "agents.*.may[].provider", "agents.*.may[].scopes",
			"agents.*.may[].default_scopes", "agents.*.may[].ask", "agents.*.may[].reuse", "agents.*.may[].code", "agents.*.may[].binding"),
		laterIn(reserved, key, refusedKey, "agents.*.may[].approve"),
		laterIn(reserved, key, "", "agents.*.may[].approve.team", "agents.*.may[].approve.count"),
		reachedBy("TestAgentsOverTCP", key, "listen.tcp", "listen.tcp_hosts", "agents.*.key_hash"),
		reachedBy("TestAgentsOverTLS", key, "listen.tls", "listen.tls.cert", "listen.tls.key", "listen.tls.client_ca"),
		reachedBy("TestPeopleSignInThroughTheirProvider", key, "listen.sign_in", "public_url"),
		reachedBy("TestBehindAProxy", key, "listen.trusted_proxy"),
		reachedBy("TestWhoIsWhoInSlack", key, "teams.*.slack", "teams.*.slack_group", "slack", "slack.bot_token", "slack.app_token",
			"slack.signing_secret", "slack.mode", "slack.api_url", "slack.allow_shared", "slack.allow_guests"),
		reachedBy("TestWhoIsWhoInDiscord", key, "teams.*.discord", "teams.*.discord_role", "discord", "discord.bot_token", "discord.public_key",
			"discord.mode", "discord.api_url", "discord.fallback_channel"),
		reachedBy("TestProfilesFillProvidersIn", key, "providers.*.profile", "providers.*.app_name", "providers.*.host", "providers.*.tenant",
			"providers.*.resource", "providers.*.audience", "providers.*.parameters", "providers.*.pkce",
			"providers.*.client_key", "providers.*.client_key_id", "providers.*.client_certificate", "providers.*.client_certificate.cert", "providers.*.client_certificate.key"),
		reachedBy("TestAnMCPServerFromItsURLAlone", key, "resources", "resources[].match", "resources[].issuers", "agents.*.may[].resource"),
		reachedBy("TestAResourceAskedForOverHTTP", key, "resources[].resource_match", "resources[].client"),
		reachedBy("TestAuthorizationDetails", key, "agents.*.may[].authorization_details"),
		reachedBy("TestWhereABridgeIsLookedFor", variable, "AUTHBRIDGE_SOCKET", "AUTHBRIDGE_ADMIN_SOCKET"),
		reachedBy("TestEveryKeyOfThisVersion", variable, "AUTHBRIDGE_CONFIG"),
		reachedBy("TestAnAgentOfAnotherMachine", variable, "AUTHBRIDGE_URL", "AUTHBRIDGE_KEY"),
	)
}

func apiOfContract() []claim {
	return slices.Concat(
		reachedBy("TestAskJoinAndCancel", route, "POST /v1/requests", "DELETE /v1/requests/{id}"),
		reachedBy("TestAnswersHaveTheMembersOfTheContract", route, "GET /v1/requests/{id}", "POST /v1/requests/{id}/token"),
		reachedBy("TestListAndCursor", route, "GET /v1/requests"),
		reachedBy("TestTokenInOneCall", route, "POST /v1/token"),
		reachedBy("TestFollowingEvents", route, "GET /v1/events"),
		reachedBy("TestWhoamiSaysWhatAnAgentMayAsk", route, "GET /v1/whoami"),
		reachedBy("TestPeopleSignInThroughTheirProvider", route, "GET /callback"),
		reachedBy("TestHealth", route, "GET /healthz", "GET /readyz", "GET /"),
		reachedBy("TestTakingBack", route, "GET /v1/grants"),
		reachedBy("TestAnAgentGivesUp", route, "DELETE /v1/grants/{id}"),
		reachedBy("TestTheDocument", route, "GET /openapi.json"),
		reachedBy("TestTheStoryInMetrics", route, "GET /metrics"),
		reachedBy("TestSlack", route, "POST /slack/interactions", "POST /slack/commands", "POST /slack/events"),
		reachedBy("TestDiscord", route, "POST /discord/interactions"),

		reachedBy("TestAnswersHaveTheMembersOfTheContract", member,
			"provider", "scopes", "human", "reason", "context", "session", "min_validity", "ttl", "fresh", "origin"),
		reachedBy("TestATeamClaims", member, "team"),
		reachedBy("TestAResourceAskedForOverHTTP", member, "resource", "challenge"),
		reachedBy("TestAuthorizationDetails", member, "authorization_details"),

		reachedBy("TestAnswersHaveTheMembersOfTheContract", state, "asked", "coded", "granted"),
		reachedBy("TestHeldUntilTheAccountIsKnown", state, "held"),
		reachedBy("TestOneRequestWalksTheWholePath", state, "collected"),
		reachedBy("TestDeny", state, "denied"),
		reachedBy("TestNobodyAnswers", state, "expired"),
		reachedBy("TestAskJoinAndCancel", state, "cancelled"),
		reachedBy("TestTheProviderLostTheCode", state, "failed"),
		reachedBy("TestWaitingForAChange", delivery, "waiting", "shown"),
		reachedBy("TestSlackIsAway", delivery, "retrying", "unreachable"),

		reachedBy("TestDeny", outcome, "denied"),
		reachedBy("TestIDidNotAskForThis", outcome, "not_me"),
		reachedBy("TestRefusedAtTheProvider", outcome, "provider_denied"),
		reachedBy("TestTakenBackBeforeItIsFetched", outcome, "revoked"),
		reachedBy("TestNobodyAnswers", outcome, "expired"),
		reachedBy("TestNobodyCollects", outcome, "not_collected"),
		reachedBy("TestAskJoinAndCancel", outcome, "cancelled"),
		reachedBy("TestTheRulesChangeBetweenYesAndCollect", outcome, "policy_changed"),
		reachedBy("TestAnotherAccount", outcome, "identity_mismatch"),
		reachedBy("TestNobodyCanSayWhoseAccountItIs", outcome, "identity_unavailable"),
		reachedBy("TestMoreScopesThanAllowed", outcome, "scope_exceeded"),
		reachedBy("TestNobodyCanBeReached", outcome, "human_unreachable"),
		reachedBy("TestBadProviders", outcome, "device_grant_unsupported", "device_grant_blocked", "provider_error"),
		reachedBy("TestTheProviderLostTheCode", outcome, "token_lost"),
		reachedBy("TestSixCodesAreEnough", outcome, "too_many_codes"),

		reachedBy("TestRefusalsOfAnAsk", problem, "invalid_request", "not_allowed", "too_large"),
		reachedBy("TestStrangers", problem, "unauthenticated"),
		reachedBy("TestIDidNotAskForThis", problem, "suspended"),
		reachedBy("TestNothingOfOthers", problem, "not_found"),
		reachedBy("TestHeldUntilTheAccountIsKnown", problem, "not_ready"),
		reachedBy("TestIdempotencyKeys", problem, "idempotency_conflict"),
		reachedBy("TestAskJoinAndCancel", problem, "gone"),
		reachedBy("TestTooManyOpen", problem, "too_many_open"),
		reachedBy("TestADamagedSecret", problem, "internal"),
		reachedBy("TestAFullDisk", problem, "store_unavailable"),
		reachedBy("TestTheEnd", problem, "shutting_down"),
		reachedBy("TestAnOutageAsksNobody", problem, "provider_unavailable"),
		reachedBy("TestQuietAfterANo", problem, "quiet"),
		reachedBy("TestSlackIsAway", problem, "chat_unavailable"),
		reachedBy("TestAResourceAskedForOverHTTP", problem, "unknown_issuer"),
	)
}

func commandsOfContract() []claim {
	return slices.Concat(
		reachedBy("TestOneRequestWalksTheWholePath", command, "serve", "token", "inbox link"),
		reachedBy("TestExec", command, "exec"),
		reachedBy("TestStepByStep", command, "ask", "wait", "status", "list", "cancel"),
		reachedBy("TestEveryKeyOfThisVersion", command, "config check"),
		reachedBy("TestCallsThatAreMistakes", command, "version"),
		reachedBy("TestEveryCommandExplainsItself", command, "completion"),
		reachedBy("TestAnAgentGivesUp", command, "grants", "revoke"),
		reachedBy("TestTheAuditLogTellsAStory", command, "audit"),
		reachedBy("TestABackupIsPutBack", command, "backup"),
		reachedBy("TestUnlinked", command, "human unlink"),
		reachedBy("TestAgentsOverTCP", command, "agent add"),
		reachedBy("TestTheOperatorsHand", command, "admin list", "admin revoke", "admin release", "admin lift"),
		reachedBy("TestTheDoctorSees", command, "doctor"),
		reachedBy("TestTheDemoTellsTheStory", command, "demo"),
		reachedBy("TestTheDemoTellsTheStory", flagged, "--no-open"),
		reachedBy("TestFromNothingToAToken", command, "init"),
		reachedBy("TestTheManifest", command, "slack manifest"),
		reachedBy("TestWhoIsWhoInSlack", command, "human link"),
		reachedBy("TestTheInvitation", command, "discord invite"),
		reachedBy("TestProfilesFillProvidersIn", command, "providers"),
		reachedBy("TestOnlyListedIssuersAreAsked", command, "admin issuers"),

		reachedBy("TestOneRequestWalksTheWholePath", flagged, "--provider", "--scope", "--reason"),
		reachedBy("TestWhatAnAskCanSay", flagged, "--human", "--session", "--timeout", "--min-validity", "--fresh"),
		reachedBy("TestStepByStep", flagged, "--json", "--state", "--limit"),
		reachedBy("TestExec", flagged, "--env"),
		reachedBy("TestFormats", flagged, "--format"),
		reachedBy("TestEveryKeyOfThisVersion", flagged, "--config"),
		reachedBy("TestWhereABridgeIsLookedFor", flagged, "--socket", "--admin-socket"),
		reachedBy("TestEveryCommandExplainsItself", flagged, "--help"),
		reachedBy("TestATeamClaims", flagged, "--team"),
		reachedBy("TestTheAuditLogTellsAStory", flagged, "--verify", "--about", "--since"),
		reachedBy("TestUnlinked", flagged, "--issuer"),
		reachedBy("TestFromNothingToAToken", flagged, "--yes", "--change", "--offline", "--allow-http-loopback", "--client-id", "--client-secret",
			"--own-scope", "--email", "--agent", "--uid", "--key"),
		reachedBy("TestAPressIsTried", flagged, "--press"),
		reachedBy("TestOnlyListedIssuersAreAsked", flagged, "--resource"),
		reachedBy("TestFormats", format, "token", "json", "header", "env"),

		reachedBy("TestOneRequestWalksTheWholePath", exit, "0"),
		reachedBy("TestADamagedSecret", exit, "1"),
		reachedBy("TestCallsThatAreMistakes", exit, "2"),
		reachedBy("TestDeny", exit, "3"),
		reachedBy("TestNobodyAnswers", exit, "4"),
		reachedBy("TestWhereABridgeIsLookedFor", exit, "5"),
		reachedBy("TestIDidNotAskForThis", exit, "6"),
		reachedBy("TestStepByStep", exit, "7"),
		reachedBy("TestAnotherAccount", exit, "8"),
		reachedBy("TestCtrlCLeavesTheRequest", exit, "130"),
		reachedBy("TestExec", exit, "COMMAND's", "128+N", "126", "127"),
	)
}

// TestTheTableHasEveryName that the program knows, each once.
func TestTheTableHasEveryName(t *testing.T) {
	t.Parallel()
	known := map[thing]claim{}
	for _, c := range contract() {
		if _, double := known[c.thing]; double {
			t.Errorf("%s %s is there twice", c.kind, c.name)
		}
		known[c.thing] = c
	}
	expect := func(k kind, name string) claim {
		c, ok := known[thing{k, name}]
		if !ok {
			t.Errorf("the table lacks the %s %s", k, name)
		}
		return c
	}
	for _, s := range api.States() {
		expect(state, string(s))
	}
	for _, o := range api.OutcomeCodes() {
		expect(outcome, string(o))
	}
	for _, p := range api.ProblemCodes() {
		expect(problem, string(p))
	}
	for _, k := range config.Keys() {
		if c := expect(key, k.Path); k.Landed != (c.by != "") {
			t.Errorf("%s has landed: %v, and the table says %q", k.Path, k.Landed, c.by)
		}
	}
}

// checkContract compares the table with what the tests of this run have
// reached, and returns the exit of the run.
func checkContract(out io.Writer) int {
	wrong, known := []string(nil), map[thing]bool{}
	for _, c := range contract() {
		known[c.thing] = true
		if c.refused != "" {
			known[thing{c.refused, c.name}] = true
		}
		if w := c.wrong(); w != "" {
			wrong = append(wrong, fmt.Sprintf("%s %s: %s", c.kind, c.name, w))
		}
	}
	for _, what := range reachedSoFar.things() {
		if !known[what] {
			wrong = append(wrong, fmt.Sprintf("%s %s was reached by %v and is not in the table", what.kind, what.name, reachedSoFar.by(what)))
		}
	}
	if len(wrong) == 0 {
		return 0
	}
	slices.Sort(wrong)
	fmt.Fprintf(out, "FAIL: the contract and the tests differ:\n  %s\n", strings.Join(wrong, "\n  "))
	return 1
}

// wrong says what is wrong with a claim, "" for nothing.
func (c claim) wrong() string {
	tests := reachedSoFar.by(c.thing)
	switch {
	case c.by != "" && !slices.Contains(tests, c.by):
		return fmt.Sprintf("claimed to be reached by %s, which did not; reached by %v", c.by, tests)
	case c.later > 0 && len(tests) > 0:
		return fmt.Sprintf("is to come with issue %d, and was reached by %v", c.later, tests)
	case c.refused != "" && len(reachedSoFar.by(thing{c.refused, c.name})) == 0:
		return fmt.Sprintf("is to come with issue %d, and no test saw it refused", c.later)
	}
	return ""
}
