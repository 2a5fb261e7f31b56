// SPDX-License-Identifier: Apache-2.0
/*
 * The programs of bench/bench_dstream.c as classic Spark Streaming, for the comparison of
 * bench/peers/run; spark_dstream.py compiles and starts it.
 *
 *     SparkDStream PROGRAM RECORDS WARM BATCHES STORAGE
 *
 * PROGRAM is grep, wordcount or topk. The input is the same cached RDD for every batch, one
 * partition on local[1]; STORAGE is the level it is cached at: MEMORY_ONLY (objects: the best case)
 * or MEMORY_ONLY_SER (bytes, as what a receiver took in). A manual clock makes the next batch as
 * soon as one is done. The first WARM batches are for the compiler and not counted; one batch more,
 * not counted either, gives the answer that is compared. One line of JSON; CPU is the whole
 * process's: compiler and collector threads do work that the program needs.
 */
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Semaphore;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.rdd.RDD;
import org.apache.spark.storage.StorageLevel;
import org.apache.spark.streaming.Durations;
import org.apache.spark.streaming.api.java.JavaDStream;
import org.apache.spark.streaming.api.java.JavaPairDStream;
import org.apache.spark.streaming.api.java.JavaStreamingContext;
import org.apache.spark.streaming.scheduler.StreamingListener;
import org.apache.spark.streaming.scheduler.StreamingListenerBatchCompleted;
import org.apache.spark.util.ManualClock;
import scala.Tuple2;
import scala.collection.mutable.Queue;
import scala.reflect.ClassTag;

public final class SparkDStream {
    static volatile boolean last;
    static volatile long answer;
    static final Semaphore done = new Semaphore(0);

    static final class Order implements Comparator<Tuple2<String, Integer>>, java.io.Serializable {
        public int compare(Tuple2<String, Integer> a, Tuple2<String, Integer> b) {
            int c = Integer.compare(a._2, b._2);
            return c != 0 ? c : a._1.compareTo(b._1);
        }
    }

    static List<String> makeInput(int records) {
        List<String> lines = new ArrayList<>(records);
        long x = 88172645463325252L;
        for (int r = 0; r < records; r++) {
            StringBuilder line = new StringBuilder(100);
            for (int w = 0; w < 10; w++) {
                x ^= x << 13;
                x ^= x >>> 7;
                x ^= x << 17;
                long n = Long.remainderUnsigned(x, 10000) * (x >>> 32 & 0xff) / 256;
                line.append("word").append((char) ('0' + n / 10000)).append((char) ('0' + n / 1000 % 10))
                    .append((char) ('0' + n / 100 % 10)).append((char) ('0' + n / 10 % 10))
                    .append((char) ('0' + n % 10)).append(' ');
            }
            lines.add(line.toString());
        }
        return lines;
    }

    /* FNV-1a of "word,n": what bench_dstream adds up too. */
    static long digest(Tuple2<String, Integer> row) {
        long h = 0xcbf29ce484222325L;
        for (byte b : (row._1 + "," + row._2).getBytes(StandardCharsets.UTF_8))
            h = (h ^ (b & 0xff)) * 0x100000001b3L;
        return h;
    }

    static void define(String program, JavaDStream<String> lines) {
        if (program.equals("grep")) {
            lines.filter(line -> line.contains("word00042")).foreachRDD(rdd -> answer = rdd.count());
            return;
        }
        JavaPairDStream<String, Integer> words =
            lines.flatMap(line -> Arrays.asList(line.split(" ")).iterator())
                .mapToPair(word -> new Tuple2<>(word, 1));
        if (program.equals("wordcount")) {
            words.reduceByKey((a, b) -> a + b).foreachRDD(rdd -> {
                rdd.count();
                if (!last) return;
                long sum = 0;
                for (Tuple2<String, Integer> row : rdd.collect()) sum += digest(row);
                answer = sum;
            });
        } else {
            words.reduceByKeyAndWindow((a, b) -> a + b, (a, b) -> a - b, Durations.seconds(30),
                Durations.seconds(1)).foreachRDD(rdd -> {
                    long sum = 0;
                    int rank = 1;
                    for (Tuple2<String, Integer> row :
                         JavaPairRDD.toRDD(rdd).toJavaRDD().top(10, new Order()))
                        sum += digest(row) * rank++;
                    answer = sum;
                });
        }
    }

    static double cpuSeconds() {
        return ((com.sun.management.OperatingSystemMXBean) ManagementFactory
            .getOperatingSystemMXBean()).getProcessCpuTime() / 1e9;
    }

    /* An RDD of its own each batch that hands the input's iterator on: a stream unpersists the RDDs
     * that it was given. */
    static void step(JavaStreamingContext ssc, Queue<RDD<String>> queue, JavaRDD<String> input)
        throws InterruptedException {
        RDD<String> rdd = input.mapPartitions(lines -> lines, true).rdd();
        synchronized (queue) {
            queue.enqueue(rdd);
        }
        ((ManualClock) ssc.ssc().scheduler().clock()).advance(1000);
        done.acquire();
    }

    public static void main(String[] args) throws Exception {
        String program = args[0];
        int records = Integer.parseInt(args[1]), warm = Integer.parseInt(args[2]);
        int batches = Integer.parseInt(args[3]);
        SparkConf conf = new SparkConf().setMaster("local[1]").setAppName("dstream")
            .set("spark.ui.enabled", "false").set("spark.driver.host", "127.0.0.1")
            .set("spark.streaming.clock", "org.apache.spark.util.ManualClock");
        JavaStreamingContext ssc = new JavaStreamingContext(conf, Durations.seconds(1));
        ssc.sparkContext().setLogLevel("ERROR");
        if (program.equals("topk")) ssc.checkpoint(Files.createTempDirectory("topk").toString());
        /* Made in a task: what is given to parallelize would travel with every task. */
        JavaRDD<String> input = ssc.sparkContext().parallelize(Arrays.asList(records), 1)
            .flatMap(n -> makeInput(n).iterator()).persist(StorageLevel.fromString(args[4]));
        input.count();
        /* Scala's own queue: JavaStreamingContext copies what it is given. */
        ClassTag<String> tag = ClassTag.apply(String.class);
        Queue<RDD<String>> queue = new Queue<>(16);
        RDD<String> none = ssc.sparkContext().sc().emptyRDD(tag);
        define(program,
            JavaDStream.fromDStream(ssc.ssc().queueStream(queue, true, none, tag), tag));
        ssc.addStreamingListener(new StreamingListener() {
            @Override
            public void onBatchCompleted(StreamingListenerBatchCompleted event) {
                done.release();
            }
        });
        ssc.start();
        for (int i = 0; i < warm; i++) step(ssc, queue, input);
        double cpu = cpuSeconds(), start = System.nanoTime() / 1e9;
        for (int i = 0; i < batches; i++) step(ssc, queue, input);
        double wall = System.nanoTime() / 1e9 - start;
        cpu = cpuSeconds() - cpu;
        last = true;
        step(ssc, queue, input);
        double total = (double) records * batches;
        System.out.printf("{\"name\": \"dstream_%s\", \"storage\": \"%s\", \"records\": %.0f, "
            + "\"answer\": \"%016x\", \"seconds\": %.3f, \"cpu_s\": %.3f, \"records_per_s\": %.0f, "
            + "\"records_per_cpu_s\": %.0f, \"version\": \"%s\"}%n", program, args[4], total, answer,
            wall, cpu, total / wall, total / cpu, ssc.sparkContext().version());
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }
}
