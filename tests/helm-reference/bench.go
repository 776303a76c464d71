package main

import (
	"encoding/json"
	"errors"
	"os"
	"sort"
	"strconv"
	"syscall"
	"time"
)

// measured is what `bench` prints: medians of warm runs, and the peak memory of this process.
type measured struct {
	Chart         string `json:"chart"`
	Runs          int    `json:"runs"`
	LoadNanos     int64  `json:"loadNanos"`
	RenderNanos   int64  `json:"renderNanos"`
	OutputBytes   int    `json:"outputBytes"`
	PeakKibibytes int64  `json:"peakKibibytes"`
}

// bench loads and renders a chart over and over. Values are the chart's own.
func bench(arguments []string) error {
	if len(arguments) < 2 || arguments[0] != "bench" {
		return errors.New("usage: helm-reference [bench FOLDER [N]]")
	}
	report := measured{Chart: arguments[1], Runs: 20}
	if len(arguments) > 2 {
		runs, err := strconv.Atoi(arguments[2])
		if err != nil || runs < 1 {
			return errors.New("the number of runs is at least 1")
		}
		report.Runs = runs
	}
	one := testCase{Path: report.Chart, Name: "release-name", Namespace: "default"}
	var loads, renders []int64
	// The first run is a warm-up.
	for run := 0; run <= report.Runs; run++ {
		start := time.Now()
		loaded, err := one.load()
		if err != nil {
			return err
		}
		between := time.Now()
		text, err := one.print(loaded)
		if err != nil {
			return err
		}
		if run > 0 {
			loads = append(loads, between.Sub(start).Nanoseconds())
			renders = append(renders, time.Since(between).Nanoseconds())
		}
		report.OutputBytes = len(text)
	}
	report.LoadNanos, report.RenderNanos = median(loads), median(renders)
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return err
	}
	report.PeakKibibytes = usage.Maxrss
	return json.NewEncoder(os.Stdout).Encode(report)
}

func median(times []int64) int64 {
	sort.Slice(times, func(a, b int) bool { return times[a] < times[b] })
	return times[len(times)/2]
}
