package bridge

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// CodeFinding is what the bridge knows of a code that somebody was sent.
type CodeFinding struct {
	Known    bool      // it is live, and this bridge made it for this human
	Request  RequestID // the rest is zero if it is not Known
	Agent    string
	Host     string // of the page where it is to be entered
	LapsesAt time.Time
}

// Word says in one sentence what the human is to make of it.
func (f CodeFinding) Word() string {
	if !f.Known {
		return "Not from this bridge for you. Do not enter it."
	}
	return "This code was made for you: request " + f.Request.Short() + ", asked by " + f.Agent +
		", to be entered at " + f.Host + ". It lapses at " + f.LapsesAt.UTC().Format("15:04") + " UTC."
}

// VerifyCode says whether a code that a human was sent by somebody is one that
// this bridge made for them and that is live. Case, spaces and dashes do not
// count. A human may try ten codes in ten minutes; further tries are a
// [*TooManyTries].
func (b *Bridge) VerifyCode(ctx context.Context, human, typed string) (found CodeFinding, err error) {
	if err := b.spent(ctx, verifyTries(human), verifyMost); err != nil {
		return CodeFinding{}, fmt.Errorf("look for a code: %w", err)
	}
	var limit error
	err = b.store.Update(ctx, func(tx Tx) error {
		found, limit = CodeFinding{}, nil
		tries, err := triesOf(tx, verifyTries(human))
		if err != nil {
			return err
		}
		if limit = tries.exhausted(verifyMost); limit != nil {
			return nil
		}
		if found, err = b.findCode(tx, human, NewSecret(plainCode(typed))); err != nil {
			return err
		}
		return tries.once(tx)
	})
	if err = errors.Join(err, limit); err != nil {
		return CodeFinding{}, fmt.Errorf("look for a code: %w", err)
	}
	return found, nil
}

// verifyMost is how many codes a human may look up within triesWithin.
const verifyMost = 10

func verifyTries(human string) string { return "verify/" + human }

// findCode compares with all live codes of a human, whichever fits.
func (b *Bridge) findCode(tx ReadTx, human string, typed Secret) (found CodeFinding, err error) {
	mine, err := b.dir().inHandsOf(tx, human)
	if err != nil {
		return CodeFinding{}, err
	}
	for _, r := range mine {
		if r.State != Coded || !b.concerns(r, human) || !time.Now().Before(r.CodeExpiresAt) {
			continue
		}
		sealed, err := tx.Secret(CodeSecret(r.ID))
		if errors.Is(err, ErrUnreadable) || errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return CodeFinding{}, err
		}
		code, err := unpackCode(sealed)
		if err == nil && NewSecret(plainCode(code.UserCode.Reveal())).Equal(typed) {
			found = CodeFinding{Known: true, Request: r.ID, Agent: r.Agent, Host: issuerHost(code.VerificationURI), LapsesAt: r.CodeExpiresAt}
		}
	}
	return found, nil
}

// plainCode is a code without what people add when they copy it.
func plainCode(typed string) string {
	typed = strings.ToUpper(typed[:min(len(typed), maxTypedCode)])
	return strings.Map(func(c rune) rune {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			return c
		}
		return -1
	}, typed)
}

// maxTypedCode is more than any code has.
const maxTypedCode = 100
