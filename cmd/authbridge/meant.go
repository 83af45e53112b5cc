package main

import (
	"errors"
	"slices"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/authbridge/authbridge/config"
)

// unknownCommand is what to do about a word that is no command here.
func unknownCommand(c *cobra.Command, word string) string {
	var names []string
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			names = append(names, sub.Name())
		}
	}
	return meant(config.Nearest(word, names), c)
}

// badFlag explains a flag that is not known, or does not take what it was
// given.
func badFlag(c *cobra.Command, err error) error {
	hint := "see " + c.CommandPath() + " --help"
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok && len(unknown.GetSpecifiedName()) > 1 {
		var names []string
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden && (!slices.Contains(general, f.Name) || hasUse(c, f.Name)) {
				names = append(names, "--"+f.Name)
			}
		})
		hint = meant(config.Nearest("--"+unknown.GetSpecifiedName(), names), c)
	}
	return &failure{exit: exitUsage, err: err, hint: hint}
}

func meant(near string, c *cobra.Command) string {
	if near == "" {
		return "see " + c.CommandPath() + " --help"
	}
	return "did you mean " + near + "? see " + c.CommandPath() + " --help"
}

// count is a number of things as a flag.
type count int

// Set implements pflag.Value.
func (n *count) Set(text string) error {
	most, err := strconv.ParseUint(text, 10, 31)
	if err != nil || most < 1 {
		return errors.New("say a whole number, 1 or more")
	}
	*n = count(most)
	return nil
}

// String implements pflag.Value.
func (n *count) String() string { return strconv.Itoa(int(*n)) }

// Type implements pflag.Value.
func (n *count) Type() string { return "number" }
