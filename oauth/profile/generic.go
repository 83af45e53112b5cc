package profile

// Generic is the profile of any server that keeps to the standards.
const Generic = "generic"

func generic() Profile {
	return Profile{
		Name:  Generic,
		Title: "any server that keeps to RFC 8628 and publishes metadata (RFC 8414 or OpenID Connect Discovery)",
		Proof: ProofLive,
	}
}
