package main

import (
	"fmt"
	"sort"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/releaseutil"
	"helm.sh/helm/v3/pkg/strvals"
)

// testCase is a chart and what it is rendered with.
type testCase struct {
	// Files are the chart's, by path; or Path is its folder or archive.
	Files map[string]string `json:"files"`
	Path  string            `json:"path"`
	// Values is the text of a values file, Set what `--set` takes.
	Values string   `json:"values"`
	Set    []string `json:"set"`
	// The release; KubeVersion such as v1.34.0.
	Name        string `json:"name"`
	Namespace   string `json:"namespace"`
	KubeVersion string `json:"kubeVersion"`
	IsUpgrade   bool   `json:"isUpgrade"`
}

// render gives the text of `helm template`; a panic of Helm's is an error.
func (c testCase) render() (text string, err error) {
	defer func() {
		if caught := recover(); caught != nil {
			err = fmt.Errorf("panic: %v", caught)
		}
	}()
	loaded, err := c.load()
	if err != nil {
		return "", err
	}
	return c.print(loaded)
}

func (c testCase) load() (*chart.Chart, error) {
	if c.Path != "" {
		return loader.Load(c.Path)
	}
	var files []*loader.BufferedFile
	for name, text := range c.Files {
		files = append(files, &loader.BufferedFile{Name: name, Data: []byte(text)})
	}
	sort.Slice(files, func(a, b int) bool { return files[a].Name < files[b].Name })
	return loader.LoadFiles(files)
}

// print is `action.Install` with `ClientOnly` and `DryRun`, without what only a cluster needs.
func (c testCase) print(loaded *chart.Chart) (string, error) {
	values, err := chartutil.ReadValues([]byte(c.Values))
	if err != nil {
		return "", err
	}
	for _, set := range c.Set {
		if err := strvals.ParseInto(set, values); err != nil {
			return "", err
		}
	}
	if err := chartutil.ProcessDependenciesWithMerge(loaded, values); err != nil {
		return "", err
	}
	capabilities := chartutil.DefaultCapabilities.Copy()
	if c.KubeVersion != "" {
		version, err := chartutil.ParseKubeVersion(c.KubeVersion)
		if err != nil {
			return "", err
		}
		capabilities.KubeVersion = *version
	}
	options := chartutil.ReleaseOptions{
		Name: c.Name, Namespace: c.Namespace, Revision: 1, IsInstall: !c.IsUpgrade, IsUpgrade: c.IsUpgrade,
	}
	scope, err := chartutil.ToRenderValues(loaded, values, options, capabilities)
	if err != nil {
		return "", err
	}
	files, err := engine.Render(loaded, scope)
	if err != nil {
		return "", err
	}
	for name := range files {
		if strings.HasSuffix(name, "NOTES.txt") {
			delete(files, name)
		}
	}
	hooks, manifests, err := releaseutil.SortManifests(files, capabilities.APIVersions, releaseutil.InstallOrder)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for _, one := range manifests {
		fmt.Fprintf(&text, "---\n# Source: %s\n%s\n", one.Name, one.Content)
	}
	for _, one := range hooks {
		fmt.Fprintf(&text, "---\n# Source: %s\n%s\n", one.Path, one.Manifest)
	}
	return text.String(), nil
}
