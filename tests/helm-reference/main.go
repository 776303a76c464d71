// Command helm-reference renders charts with Helm's own packages in process, as `helm template` does.
//
//	helm-reference                      cases as JSON lines on standard input, one JSON line of answer each
//	helm-reference bench FOLDER [N]     what loading and rendering this chart costs, warm
//
// The tests of host/helm compare Rhumb's engine with it, and the benchmarks measure beside it.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	var err error
	if len(os.Args) > 1 {
		err = bench(os.Args[1:])
	} else {
		err = answer()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// result is the answer to a case: the text of `helm template`, or why there is none.
type result struct {
	Text  *string `json:"text,omitempty"`
	Error *string `json:"error,omitempty"`
}

// answer reads cases until standard input ends. Each answer is flushed, so that the other side may wait for it.
func answer() error {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	decoder := json.NewDecoder(in)
	for decoder.More() {
		var one testCase
		if err := decoder.Decode(&one); err != nil {
			return fmt.Errorf("failed to read a case: %w", err)
		}
		var reply result
		if text, err := one.render(); err != nil {
			message := err.Error()
			reply.Error = &message
		} else {
			reply.Text = &text
		}
		if err := encoder.Encode(reply); err != nil {
			return err
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
	return nil
}
