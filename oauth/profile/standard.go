package profile

// What stands here keeps to the standards and has metadata: the configuration
// names the issuer, and the profile says what an operator should know.

// ownScopes are what most OpenID providers want, to tell whose account granted
// and to give refresh tokens.
func ownScopes() []string { return []string{"openid", "email", "offline_access"} }

// keycloak is a client of a realm.
func keycloak() Profile {
	return Profile{
		Name: "keycloak", Title: "Keycloak",
		Scopes:  []string{"openid", "email"},
		Refresh: RefreshUnknown,
		Proof:   ProofConstructed,
		Sources: []string{"put together from what is generally known of Keycloak"},
		Caveats: []string{
			"The issuer is https://HOST/realms/REALM.",
			"Turn on \"OAuth 2.0 Device Authorization Grant\" in the client's capability config.",
			"A client with a secret proves itself on each request; without one it has to be a public client.",
			"A client policy can demand PKCE of device requests: then set pkce: S256.",
			"An answer that is lost on its way loses the grant: the code is used up when it is sent.",
			"offline_access makes offline sessions, which outlive a sign-out; add it to scopes if that is wanted.",
		},
	}
}

// okta is a native app at an org or a custom authorization server.
func okta() Profile {
	return Profile{
		Name: "okta", Title: "Okta",
		Scopes:  ownScopes(),
		Refresh: RefreshUnknown,
		Proof:   ProofConstructed,
		Sources: []string{"put together from what is generally known of Okta"},
		Caveats: []string{
			"The issuer is https://ORG.okta.com, or https://ORG.okta.com/oauth2/SERVER of a custom authorization server, whose tokens are the ones for your own APIs.",
			"Only a native application can use the device grant; turn on \"Device Authorization\" among its grant types.",
			"The access policy of the authorization server has to allow the device grant, too.",
			"The audience of a token is the authorization server's: resource says nothing there.",
		},
	}
}

// auth0 is a native application of a tenant.
func auth0() Profile {
	return Profile{
		Name: "auth0", Title: "Auth0",
		Scopes:  ownScopes(),
		Refresh: RefreshUnknown,
		Proof:   ProofConstructed,
		Sources: []string{"put together from what is generally known of Auth0"},
		Caveats: []string{
			"The issuer ends in a slash: https://TENANT.auth0.com/.",
			"The application is a native one, with the grant \"Device Code\" turned on.",
			"Set audience to the API's identifier; resource is understood only with the Resource Parameter Compatibility Profile.",
			"For a refresh token the API has to allow offline access.",
			"Organizations are not supported in this flow.",
		},
	}
}

// zitadel is an application of a project.
func zitadel() Profile {
	return Profile{
		Name: "zitadel", Title: "ZITADEL",
		Scopes:  ownScopes(),
		Refresh: RefreshUnknown,
		Proof:   ProofConstructed,
		Sources: []string{"put together from what is generally known of ZITADEL"},
		Caveats: []string{
			"The application is a native one, with the grant \"Device Code\".",
			"The audience of a project's API is asked for by the scope urn:zitadel:iam:org:project:id:ID:aud.",
		},
	}
}

// authentik is an OAuth2 provider of an application.
func authentik() Profile {
	return Profile{
		Name: "authentik", Title: "authentik",
		Scopes:  ownScopes(),
		Refresh: RefreshUnknown,
		Proof:   ProofConstructed,
		Sources: []string{"put together from what is generally known of authentik"},
		Caveats: []string{
			"The issuer is https://HOST/application/o/APP/, with the slash at the end.",
			"The brand needs a device code flow, or nobody can enter a code.",
			"A code lives as long as the provider's \"access code validity\", which is a minute unless you make it longer: ten minutes are good.",
			"It bounds requests for codes from one address, to twenty an hour unless that is changed; then it says slow_down, and a press repeats it.",
		},
	}
}

// dex is a static client.
func dex() Profile {
	return Profile{
		Name: "dex", Title: "Dex",
		Scopes:     ownScopes(),
		Refresh:    RefreshRotates,
		Revocation: Revocation{Reach: ReachNone},
		Proof:      ProofConstructed,
		Sources:    []string{"put together from what is generally known of Dex"},
		Caveats: []string{
			"Make the client a public one: its secret would stand in an address that browsers are sent to.",
			"It does not say when somebody refuses: the code lapses then, after five minutes.",
			"It cannot take tokens back: they live until they lapse; refresh tokens are forgotten by the bridge.",
		},
	}
}

// hydra is a client of Ory Hydra or the Ory Network.
func hydra() Profile {
	return Profile{
		Name: "hydra", Title: "Ory Hydra, from 2.4",
		Scopes:  []string{"openid", "offline_access"},
		Refresh: RefreshRotates,
		Proof:   ProofConstructed,
		Sources: []string{"put together from what is generally known of Ory Hydra"},
		Caveats: []string{
			"Codes are entered at a page of your own, urls.device.verification, which has to be on a host of the issuer's domain.",
			"Which claims tell whose account it is, is what your consent app puts into the session: e-mail addresses are there only if it does.",
		},
	}
}

// pingone is a native application of an environment.
func pingone() Profile {
	return Profile{
		Name: "pingone", Title: "PingOne",
		Scopes:  ownScopes(),
		Refresh: RefreshUnknown,
		Proof:   ProofConstructed,
		Sources: []string{"put together from what is generally known of PingOne"},
		Caveats: []string{
			"The issuer is https://auth.pingone.REGION/ENVIRONMENT/as.",
			"The application is a device authorization one, with the grant \"Device Authorization\".",
			"PingFederate and PingAM have issuers of their own: use generic there.",
		},
	}
}
