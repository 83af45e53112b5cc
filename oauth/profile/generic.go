package profile

// Generic is the profile of any server that keeps to the standards.
const Generic = "generic"

func generic() Profile {
	return Profile{
		Name:    Generic,
		Title:   "any server that keeps to RFC 8628 and has metadata",
		Proof:   ProofLive,
		Sources: []string{"zitadel/oidc, the provider of the demo, in the end-to-end tests"},
		Caveats: []string{
			"The metadata is that of RFC 8414 or OpenID Connect Discovery, and names a device_authorization_endpoint.",
		},
	}
}
