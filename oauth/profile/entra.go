package profile

// entra is a public client in one tenant of Microsoft Entra ID.
//
// Accounts go by oid, the object id: sub is another for each application, so
// no operator could look it up, and pins would be lost with the client. An
// object id is unique within its tenant, and the issuer names the tenant; both
// stand in a signed id_token (tid need not be compared again). It takes the
// scope profile. Addresses are never believed: Entra says of none that it was
// verified.
func entra() Profile {
	return Profile{
		Name:   "entra",
		Title:  "Microsoft Entra ID",
		Issuer: "https://login.microsoftonline.com/{tenant}/v2.0",
		Endpoints: Endpoints{
			Device: "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/devicecode",
			Token:  "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
			Keys:   "https://login.microsoftonline.com/{tenant}/discovery/v2.0/keys",
		},
		Fixed:  true,
		Secret: SecretNone,
		Scopes: []string{"openid", "profile", "email", "offline_access"},
		ScopeWords: map[string]string{
			"User.Read":           "read your profile",
			"Mail.Read":           "read your mail",
			"Mail.ReadWrite":      "read, change and delete your mail",
			"Mail.Send":           "send mail as you",
			"Calendars.Read":      "read your calendars",
			"Calendars.ReadWrite": "read and change your calendars",
			"Files.Read":          "read your files",
			"Files.ReadWrite":     "read, change and delete your files",
			"Files.Read.All":      "read all files that you can open",
			"Files.ReadWrite.All": "read, change and delete all files that you can open",
			"Sites.Read.All":      "read all SharePoint sites that you can open",
			"Chat.Read":           "read your chats in Teams",
		},
		NeedsScope:   true,
		OmitResource: true,
		Refresh:      RefreshKept,
		Revocation:   Revocation{Reach: ReachNone},
		Account:      Account{Subject: "oid"},
		Hosts:        []string{"microsoft.com", "www.microsoft.com", "login.microsoft.com"},
		Blocks:       entraBlocks(),
		Proof:        ProofDocumented,
		Sources: []string{
			"learn.microsoft.com, Microsoft identity platform and the OAuth 2.0 device authorization grant flow",
			"learn.microsoft.com, Microsoft Entra authentication and authorization error codes",
		},
		Caveats: []string{
			"tenant is the tenant's id, not a domain; national clouds need the profile generic.",
			"Set \"Allow public client flows\" to yes in the app registration, under Authentication; there is no client_secret.",
			"The API is named in the scopes (https://graph.microsoft.com/Mail.Read), never as a resource. Write them as Entra does, in its upper and lower case.",
			"Many tenants block the device code flow by Conditional Access: requests then end in device_grant_blocked.",
			"It cannot take tokens back: they live until they lapse, an hour or so; refresh tokens are forgotten by the bridge.",
			"Accounts are told by their object id, humans.*.accounts: id:…; e-mail addresses of Entra are not vouched for, so they match nobody.",
			"It may answer with more scopes than were asked for, if the user consented to them before; what may does not cover then ends in scope_exceeded.",
		},
	}
}

// entraBlocks are errors by which Entra says that a policy stands in the way.
func entraBlocks() []Block {
	const policy = "a Conditional Access policy of the tenant forbids it: its administrator can exclude this app from the policy that blocks the device code flow, or allow the flow (Conditional Access, Authentication flows)"
	return []Block{
		{"AADSTS53003:", policy},
		{"AADSTS530032:", policy},
		{"AADSTS53000:", "a Conditional Access policy of the tenant wants a managed device, and the device code flow tells of none: its administrator can exclude this app from it"},
		{"AADSTS53001:", "a Conditional Access policy of the tenant wants a joined device, and the device code flow tells of none: its administrator can exclude this app from it"},
		{"AADSTS7000218:", "set \"Allow public client flows\" to yes in the app registration, under Authentication"},
	}
}
