package slacktest

// textObject is a text as it was sent.
type textObject struct {
	text     string
	markup   bool // mrkdwn
	verbatim bool // of mrkdwn: nothing is found in it that is not marked
	emoji    bool // of plain text: :names: become pictures
}

func asText(t block) textObject {
	return textObject{
		text: t.str("text"), markup: t.str("type") == "mrkdwn",
		verbatim: t.flag("verbatim"), emoji: t.flag("emoji"),
	}
}

// texts returns all texts of some blocks in the order of reading.
func texts(blocks []block) []textObject {
	var all []textObject
	for _, b := range blocks {
		all = append(all, textsOf(b)...)
	}
	return all
}

func textsOf(b block) []textObject {
	var all []textObject
	if t := b.str("type"); t == "plain_text" || t == "mrkdwn" {
		return []textObject{asText(b)}
	}
	for _, field := range []string{"title", "text", "label", "hint", "placeholder", "confirm", "deny"} {
		if inner := b.obj(field); inner != nil {
			all = append(all, textsOf(inner)...)
		}
	}
	all = append(all, texts(b.list("fields"))...)
	all = append(all, texts(b.list("elements"))...)
	for _, field := range []string{"accessory", "element"} {
		if inner := b.obj(field); inner != nil {
			all = append(all, textsOf(inner)...)
		}
	}
	return append(all, richText(b)...)
}

// richText is the text of one element of rich text, in the marks that mean
// the same.
func richText(e block) []textObject {
	switch e.str("type") {
	case "text":
		return []textObject{{text: e.str("text")}}
	case "link":
		return []textObject{{text: "<" + e.str("url") + ">", markup: true, verbatim: true}}
	case "user":
		return []textObject{{text: "<@" + e.str("user_id") + ">", markup: true, verbatim: true}}
	case "broadcast":
		return []textObject{{text: "<!" + e.str("range") + ">", markup: true, verbatim: true}}
	}
	return nil
}
