// Command fill creates many Ingresses in an API server, each with a Service and an EndpointSlice of its own.
//
//	fill -server https://127.0.0.1:6443 -token TOKEN -namespace many -count 10000 -address 10.99.0.1 -port 9000
//
// Ingress N has the host hN.many.test. With -first 10000 it begins with that number; with -certificates every Ingress also
// names a Secret with a certificate for its host (their keys are few: making them would take longer than all the rest). With
// -routes they are IngressRoutes instead, with two Middlewares each: of their own, or with -shared the same two for all. It prints
// how long it took.
package main

import (
	"bytes"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"sync"
	"time"
)

const serviceBody = `{"apiVersion":"v1","kind":"Service","metadata":{"name":"s%[1]d","namespace":"%[2]s"},
"spec":{"clusterIP":"None","ports":[{"name":"web","port":80}]}}`

const sliceBody = `{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","metadata":{"name":"s%[1]d-1","namespace":"%[2]s",
"labels":{"kubernetes.io/service-name":"s%[1]d"}},"addressType":"IPv4",
"endpoints":[{"addresses":["%[3]s"],"conditions":{"ready":true,"serving":true,"terminating":false}}],
"ports":[{"name":"web","port":%[4]d,"protocol":"TCP"}]}`

const ingressBody = `{"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{"name":"i%[1]d","namespace":"%[2]s",
"annotations":{"example.org/team":"team-%[1]d"}},
"spec":{"ingressClassName":"traefik","rules":[{"host":"h%[1]d.many.test","http":{"paths":[{"path":"/","pathType":"Prefix",
"backend":{"service":{"name":"s%[1]d","port":{"number":80}}}}]}}]%[3]s}}`

const tlsOfIngress = `,"tls":[{"hosts":["h%[1]d.many.test"],"secretName":"c%[1]d"}]`

const middlewareBody = `{"apiVersion":"traefik.io/v1alpha1","kind":"Middleware","metadata":{"name":"%[3]s%[1]d","namespace":"%[2]s"},
"spec":{"headers":{"customRequestHeaders":{"X-%[3]s":"team-%[1]d"}}}}`

const routeBody = `{"apiVersion":"traefik.io/v1alpha1","kind":"IngressRoute","metadata":{"name":"i%[1]d","namespace":"%[2]s"},
"spec":{"routes":[{"match":"Host(` + "`h%[1]d.many.test`" + `)","kind":"Rule","services":[{"name":"s%[1]d","port":80}],
"middlewares":[{"name":"first%[3]d"},{"name":"second%[3]d"}]}]}}`

const secretBody = `{"apiVersion":"v1","kind":"Secret","type":"kubernetes.io/tls","metadata":{"name":"c%[1]d","namespace":"%[2]s"},
"data":{"tls.crt":"%[3]s","tls.key":"%[4]s"}}`

func main() {
	server := flag.String("server", "", "URL of the API server")
	token := flag.String("token", "", "bearer token")
	namespace := flag.String("namespace", "default", "namespace, which must exist")
	first := flag.Int("first", 0, "number of the first")
	count := flag.Int("count", 10000, "how many")
	certificates := flag.Bool("certificates", false, "each with a certificate")
	routes := flag.Bool("routes", false, "IngressRoutes with two Middlewares each instead of Ingresses")
	shared := flag.Bool("shared", false, "the same two Middlewares for all of them")
	address := flag.String("address", "10.99.0.1", "endpoint address")
	port := flag.Int("port", 9000, "endpoint port")
	parallel := flag.Int("parallel", 32, "requests at a time")
	flag.Parse()

	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	client := &http.Client{Transport: transport, Timeout: time.Minute}
	create := func(path, body string) {
		request, err := http.NewRequest("POST", *server+path, bytes.NewBufferString(body))
		if err != nil {
			log.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+*token)
		request.Header.Set("Content-Type", "application/json")
		response, err := client.Do(request)
		if err != nil {
			log.Fatal(err)
		}
		answer, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != http.StatusCreated && response.StatusCode != http.StatusConflict {
			log.Fatalf("%s: %s %s", path, response.Status, answer)
		}
	}
	start := time.Now()
	var issuer *authority
	if *certificates {
		issuer = newAuthority()
	}
	numbers := make(chan int)
	var workers sync.WaitGroup
	for range *parallel {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for n := range numbers {
				create("/api/v1/namespaces/"+*namespace+"/services", fmt.Sprintf(serviceBody, n, *namespace))
				create("/apis/discovery.k8s.io/v1/namespaces/"+*namespace+"/endpointslices",
					fmt.Sprintf(sliceBody, n, *namespace, *address, *port))
				encrypted := ""
				if issuer != nil {
					encrypted = fmt.Sprintf(tlsOfIngress, n)
					certificate, key := issuer.issue(n)
					create("/api/v1/namespaces/"+*namespace+"/secrets", fmt.Sprintf(secretBody, n, *namespace, certificate, key))
				}
				if *routes {
					custom := "/apis/traefik.io/v1alpha1/namespaces/" + *namespace
					middlewares := n
					if *shared {
						middlewares = 0
					}
					if !*shared || n == *first {
						for _, name := range []string{"first", "second"} {
							create(custom+"/middlewares", fmt.Sprintf(middlewareBody, middlewares, *namespace, name))
						}
					}
					create(custom+"/ingressroutes", fmt.Sprintf(routeBody, n, *namespace, middlewares))
					continue
				}
				create("/apis/networking.k8s.io/v1/namespaces/"+*namespace+"/ingresses",
					fmt.Sprintf(ingressBody, n, *namespace, encrypted))
			}
		}()
	}
	for n := range *count {
		numbers <- *first + n
	}
	close(numbers)
	workers.Wait()
	kind := "Ingresses"
	if *routes {
		kind = "IngressRoutes"
	}
	fmt.Printf("%d %s in %.1f s\n", *count, kind, time.Since(start).Seconds())
}
